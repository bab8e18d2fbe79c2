import { mkdir, rm } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { AppError } from '../../shared/domain/errors.ts';
import { entityId, newId } from '../../shared/domain/ids.ts';
import type { ModelProbe, ModelSummary, ReadingHint } from '../../shared/domain/model.ts';
import { storeError } from '../store/errors.ts';
import type { StoredModel } from '../store/models.ts';
import { parseInput } from './inputs.ts';
import { modelFileOf } from './job-specs.ts';
import type { Library } from './library.ts';
import { readForeign, readWeights, type ImportedModel } from './model-import.ts';
import { missing, requireDataset, requireModel } from './session.ts';
import type { Session } from './session.ts';
import type { SideJobs } from './side-jobs.ts';

export function modelService(session: Session, sideJobs: SideJobs): Library['models'] {
  const { store, changed } = session;
  const summary = ({ weights: _, ...model }: StoredModel): ModelSummary => model;
  const datasetOf = (id: string) => requireDataset(store, parseInput(entityId, id, 'data set'));
  const probe = async (path: string, dataset: string, hint: ReadingHint): Promise<ModelProbe> => {
    const folder = store.folder.of('dataset', datasetOf(dataset).id);
    const result = await sideJobs.run<'probe-model'>({ kind: 'probe-model', dataset: { folder }, path, hint });
    return result.probe;
  };
  const isForeign = async (path: string): Promise<boolean> => {
    const { foreignFormat } = await import('../compute/models/foreign/session.ts');
    return foreignFormat(path) !== null;
  };
  return {
    list: () => store.models.list().map(summary),
    get: (id) => summary(requireModel(store, id)),
    file: (id) => modelFileOf(store, store.models.get(id) ?? missing('model', id)),
    probe: async ({ path, dataset, reading = {} }) =>
      (await isForeign(path)) ? probe(resolve(path), dataset, reading) : null,
    import: async ({ path, architecture, settings = {}, dataset: datasetId, name, reading = {} }) => {
      const dataset = datasetOf(datasetId);
      const file = resolve(path);
      const target = { shape: dataset.manifest.shape, classes: dataset.manifest.classes.length };
      const model = (await isForeign(file))
        ? await readForeign(file, await probe(file, dataset.id, reading), reading, target)
        : await readWeights(file, { name: requireArchitecture(architecture, file), settings }, reading, target);
      const id = newId('model');
      const weights = await write(model, store.folder.of('model', id));
      store.models.put(
        {
          id,
          name: name ?? nameOf(file),
          origin: 'imported',
          architecture: model.architecture,
          ...(Object.keys(model.settings).length > 0 && { architectureSettings: model.settings }),
          ...(model.foreign && { foreign: model.foreign }),
          defence: null,
          dataset: dataset.id,
          inputShape: target.shape,
          classes: target.classes,
          parameters: model.parameters,
          seed: null,
          colour: store.runs.nextColour(),
          created: new Date().toISOString(),
        },
        relative(store.folder.root, weights),
      );
      changed();
      return summary(requireModel(store, id));
    },
  };
}

function requireArchitecture(architecture: string | undefined, file: string): string {
  if (architecture !== undefined) return architecture;
  throw new AppError(
    'invalid-input',
    `${basename(file)} holds weights alone: say which architecture they are for. ONNX files and tfjs models (model.json) need none.`,
    { details: { field: 'architecture', file } },
  );
}

/** The file's name without its ending; of a tfjs model, which is called `model.json`, the folder's. */
function nameOf(file: string): string {
  return basename(file) === 'model.json' ? basename(dirname(file)) : basename(file, extname(file));
}

/** Writes a model's files into a new folder, or leaves none behind. */
async function write(model: ImportedModel, folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true });
    return await model.write(folder);
  } catch (cause) {
    await rm(folder, { recursive: true, force: true });
    throw cause instanceof AppError ? cause : storeError(join(folder, 'weights'), cause);
  }
}
