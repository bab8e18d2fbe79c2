import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { app } from 'electron';
import type { SelectionFormat } from '../../../shared/domain/dataset-view.ts';
import { chooseToOpen, chooseToSave } from '../dialogs.ts';
import type { CallContext } from './context.ts';
import type { Handlers } from './dispatch.ts';
import type { DATASET_VIEW_CALLS } from '../../../shared/contract/dataset-view-calls.ts';

const TITLES: Readonly<Record<SelectionFormat, string>> = {
  folder: 'Folder to export the images into',
  npz: 'Export the images',
  csv: 'Export the table of images',
};

/** `Flowers` in a folder, or `Flowers 2`, or the first that is not there yet. */
function freeFolder(parent: string, name: string): string {
  for (let number = 1; ; number += 1) {
    const path = join(parent, number === 1 ? name : `${name} ${number}`);
    if (!existsSync(path)) return path;
  }
}

/** Calls about data sets that are there. */
export function datasetCalls({
  library,
  window,
  written,
}: CallContext): Pick<Handlers, keyof typeof DATASET_VIEW_CALLS> {
  let folder = app.getPath('documents');

  const target = async (name: string, format: SelectionFormat): Promise<string | null> => {
    if (format !== 'folder') {
      return chooseToSave(window, {
        title: TITLES[format],
        path: join(folder, `${name}.${format}`),
        extension: format,
      });
    }
    const parent = await chooseToOpen(window, { title: TITLES.folder, kind: 'folder' });
    return parent === null ? null : freeFolder(parent, name);
  };

  return {
    'datasets.items': async ({ id, positions }) => (await library()).datasets.items(id, positions),
    'datasets.select': async (query) => (await library()).datasets.select(query),
    'datasets.filterTerms': async ({ id }) => (await library()).datasets.filterTerms(id),
    'datasets.filters': async ({ id }) => (await library()).datasets.filters(id),
    'datasets.saveFilter': async ({ id, name, text }) => (await library()).datasets.saveFilter(id, { name, text }),
    'datasets.deleteFilter': async ({ id, name }) => (await library()).datasets.deleteFilter(id, name),
    'datasets.statistics': async ({ id }) => (await library()).datasets.statistics(id),
    'datasets.predict': async ({ id, model }) => (await library()).datasets.predict(id, model),
    'datasets.predictions': async ({ id, position }) => (await library()).datasets.predictions(id, position),
    'datasets.edit': async ({ id, edits, name }) => (await library()).datasets.edit(id, edits, name),
    'datasets.verify': async ({ id }) => (await library()).datasets.verify(id),
    'datasets.export': async ({ id, positions, format }) => {
      const { datasets } = await library();
      const { fileName } = await import('../../services/figures/exports.ts');
      const chosen = await target(fileName(datasets.get(id).manifest.name), format);
      if (chosen === null) return null;
      const path = resolve(chosen);
      await datasets.export(id, positions, format, path);
      folder = dirname(path);
      written.add(path);
      return path;
    },
    'datasets.relocate': async ({ id, path }) => {
      const { datasets } = await library();
      const chosen =
        path ?? (await chooseToOpen(window, { title: 'Folder where the originals lie now', kind: 'folder' }));
      return chosen === null ? null : datasets.relocate(id, chosen);
    },
    'datasets.stop': async ({ id, task }) => (await library()).datasets.stop(id, task),
    'datasets.dependents': async ({ id }) => (await library()).datasets.dependents(id),
  };
}
