import { copyFile, mkdir, rm } from 'node:fs/promises';
import { basename, extname, join, relative, resolve } from 'node:path';
import { entityId, newId } from '../../shared/domain/ids.ts';
import type { ModelSummary } from '../../shared/domain/model.ts';
import { storeError } from '../store/errors.ts';
import type { StoredModel } from '../store/models.ts';
import { parseInput } from './inputs.ts';
import { modelFileOf } from './job-specs.ts';
import type { Library } from './library.ts';
import { missing, requireDataset, requireModel } from './session.ts';
import type { Session } from './session.ts';

export function modelService({ store, changed }: Session): Library['models'] {
  const summary = ({ weights: _, ...model }: StoredModel): ModelSummary => model;
  return {
    list: () => store.models.list().map(summary),
    get: (id) => summary(requireModel(store, id)),
    file: (id) => modelFileOf(store, store.models.get(id) ?? missing('model', id)),
    import: async ({ path, architecture, dataset: datasetId, name }) => {
      const dataset = requireDataset(store, parseInput(entityId, datasetId, 'data set'));
      const { shape, classes } = dataset.manifest;
      const file = resolve(path);
      const parameters = await checkWeights(file, architecture, shape, classes.length);
      const id = newId('model');
      const folder = store.folder.of('model', id);
      const weights = join(folder, 'weights.npz');
      try {
        await mkdir(folder, { recursive: true });
        await copyFile(file, weights);
      } catch (cause) {
        await rm(folder, { recursive: true, force: true });
        throw storeError(weights, cause);
      }
      store.models.put(
        {
          id,
          name: name ?? basename(file, extname(file)),
          origin: 'imported',
          architecture,
          defence: null,
          dataset: dataset.id,
          inputShape: shape,
          classes: classes.length,
          parameters,
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

/** Checks every array of the file against the architecture. @returns the number of parameters. */
async function checkWeights(
  file: string,
  architecture: string,
  shape: ModelSummary['inputShape'],
  classes: number,
): Promise<number> {
  const [{ buildNetwork, parameterCount }, { areNormalised, checkArrays }, { readNpz }] = await Promise.all([
    import('../compute/models/network.ts'),
    import('../compute/models/weights.ts'),
    import('../compute/arrays/npz.ts'),
  ]);
  const arrays = await readNpz(file);
  const network = buildNetwork(architecture, shape, classes, areNormalised(arrays));
  checkArrays(network, arrays, file);
  return parameterCount(network);
}
