import { chooseSeveral, chooseToOpen } from '../dialogs.ts';
import type { CallContext } from './context.ts';
import type { Handlers } from './dispatch.ts';
import { fileSaver } from './save-file.ts';

type ImportCalls =
  | 'datasets.choose'
  | 'datasets.preview'
  | 'datasets.endPreview'
  | 'datasets.import'
  | 'datasets.plan'
  | 'datasets.exportSkipped'
  | 'datasets.duplicates';

/** Calls about importing data sets. */
export function importCalls(context: CallContext): Pick<Handlers, ImportCalls> {
  const { library, window } = context;
  const save = fileSaver(context);
  return {
    'datasets.choose': async ({ kind }) => {
      if (kind === 'files') return chooseSeveral(window, 'Files or archive of a data set');
      const chosen = await chooseToOpen(window, { title: 'Folder of a data set', kind: 'folder' });
      return chosen === null ? null : [chosen];
    },
    'datasets.preview': async ({ plan, token }) => (await library()).datasets.preview(plan, token),
    'datasets.endPreview': async ({ token }) => (await library()).datasets.endPreview(token),
    'datasets.import': async (plan) => (await library()).datasets.import(plan),
    'datasets.plan': async ({ id }) => (await library()).datasets.plan(id),
    'datasets.exportSkipped': async ({ id }) => {
      const { name, bytes } = await (await library()).datasets.skippedCsv(id);
      return save({
        name: name.replaceAll(/[\\/:*?"<>|]/g, '_'),
        bytes,
        title: 'List what was left out',
        extension: 'csv',
      });
    },
    'datasets.duplicates': async ({ id }) => (await library()).datasets.duplicates(id),
  };
}
