import { extname, join } from 'node:path';
import type * as Exports from '../../services/figures/exports.ts';
import type { Library } from '../../services/library.ts';
import { chooseToOpen } from '../dialogs.ts';
import type { CallContext } from './context.ts';
import type { Handlers } from './dispatch.ts';
import { fileSaver } from './save-file.ts';

type ExportCalls =
  | 'exports.table'
  | 'exports.plan'
  | 'exports.curve'
  | 'exports.gallery'
  | 'exports.run'
  | 'exports.model'
  | 'exports.adversarial'
  | 'exports.planFigure'
  | 'exports.sweep';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

export function exportCalls(context: CallContext): Pick<Handlers, ExportCalls> {
  const { library, window, written } = context;
  const saveFile = fileSaver(context);

  /** Makes the file, so that what is wrong is known before the user is asked where it should go. */
  const save = async (
    title: string,
    make: (figures: typeof Exports, opened: Library) => Promise<Exports.ExportedFile>,
  ): Promise<string | null> => {
    const opened = await library();
    // Fonts, charts and the PDF writer are loaded when they are needed, not when the window opens.
    const { name, bytes } = await make(await import('../../services/figures/exports.ts'), opened);
    return saveFile({ name, bytes, title, extension: extname(name).slice(1) });
  };

  return {
    'exports.table': ({ dataset, format }) =>
      save('Export the result table', (figures, opened) => figures.exportTable(opened, dataset, format)),
    'exports.plan': (request) =>
      save('Export the table', async (_, opened) =>
        (await import('../../services/figures/plan-exports.ts')).exportPlan(opened, request),
      ),
    'exports.curve': ({ runs, curve, format }) =>
      save('Export the curve', (figures, opened) => figures.exportCurve(opened, runs, curve, format)),
    'exports.gallery': ({ id, method, scale, format }) =>
      save('Export the gallery', (figures, opened) => figures.exportGallery(opened, id, method, scale, format)),
    'exports.planFigure': (request) =>
      save('Export the figure', async (_, opened) =>
        (await import('../../services/figures/plan-figures.ts')).exportPlanFigure(opened, request),
      ),
    'exports.sweep': ({ id, format }) =>
      save('Export the sweep', async (figures, opened) => {
        const { name, request } = opened.sweeps.get(id);
        const file = figures.fileName(name);
        if (format === 'yaml') {
          const { writeText } = await import('../sweeps/text.ts');
          return { name: `${file}.yaml`, bytes: encode(writeText(request, opened.datasets.list())) };
        }
        const { exportSweep, SWEEP_FORMATS } = await import('../../services/sweeps/exports.ts');
        const text = exportSweep(await opened.sweeps.table(id), format);
        return { name: `${file}.${SWEEP_FORMATS[format]}`, bytes: encode(text) };
      }),
    'exports.adversarial': ({ id, model }) =>
      save('Save the adversarial set', (figures, opened) => figures.exportAdversarial(opened, id, model)),
    'exports.model': async ({ id }) => {
      const opened = await library();
      const { exportModel, EXPORT_FORMATS } = await import('../../services/model-export/export.ts');
      const parent = await chooseToOpen(window, { title: 'Folder for the exported model', kind: 'folder' });
      if (parent === null) return null;
      const { fileName } = await import('../../services/figures/exports.ts');
      const target = join(parent, fileName(opened.models.get(id).name));
      await exportModel(opened, id, { folder: target, formats: EXPORT_FORMATS, layout: 'nchw' });
      written.add(target);
      return target;
    },
    'exports.run': ({ id }) => save('Export the run', (figures, opened) => figures.exportRun(opened, id)),
  };
}
