import { basename } from 'node:path';
import { importPlan } from '../../shared/domain/import-plan.ts';
import { newId } from '../../shared/domain/ids.ts';
import { previewSource } from '../compute/data/probe.ts';
import { parseInput } from './inputs.ts';
import type { Library } from './library.ts';
import { addJob, requireDataset } from './session.ts';
import type { Session } from './session.ts';

export function datasetService(session: Session): Library['datasets'] {
  const { store } = session;
  return {
    list: () => store.datasets.list(),
    get: (id) => requireDataset(store, id),
    folder: (id) => store.folder.of('dataset', requireDataset(store, id).id),
    preview: async (options) => previewSource(parseInput(importPlan, options, 'import'), store.folder.root),
    import: async (input) => {
      const options = parseInput(importPlan, input, 'import');
      // What can be said at once is said at once; reading every image is the job's part.
      const preview = await previewSource(options, store.folder.root);
      const id = newId('dataset');
      const named = { ...options, name: options.name ?? preview.suggestedName };
      addJob(session, {
        id,
        kind: 'import',
        title: `Import ${named.name || basename(options.path)}`,
        options: JSON.stringify(named),
      });
      return { id };
    },
  };
}
