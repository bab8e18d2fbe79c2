import { dirname, join, resolve } from 'node:path';
import { app } from 'electron';
import { writeExport } from '../../services/write-export.ts';
import { chooseSeveral, chooseToOpen, chooseToSave } from '../dialogs.ts';
import type { CallContext } from './context.ts';
import type { Handlers } from './dispatch.ts';

type ImportCalls =
  | 'datasets.choose'
  | 'datasets.preview'
  | 'datasets.endPreview'
  | 'datasets.import'
  | 'datasets.plan'
  | 'datasets.exportSkipped'
  | 'datasets.duplicates';

/** Calls about importing data sets. */
export function importCalls({ library, window, written }: CallContext): Pick<Handlers, ImportCalls> {
  let folder = app.getPath('documents');
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
      const path = join(folder, name.replaceAll(/[\\/:*?"<>|]/g, '_'));
      const chosen = await chooseToSave(window, { title: 'List what was left out', path, extension: 'csv' });
      if (chosen === null) return null;
      const file = resolve(chosen);
      await writeExport(file, bytes);
      folder = dirname(file);
      written.add(file);
      return file;
    },
    'datasets.duplicates': async ({ id }) => (await library()).datasets.duplicates(id),
  };
}
