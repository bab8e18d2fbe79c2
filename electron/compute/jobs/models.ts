import * as tf from '@tensorflow/tfjs-core';
import type { EngineChoice } from '../../../shared/domain/engine.ts';
import type { ModelFile } from '../../../shared/domain/model.ts';
import { readNpz } from '../arrays/npz.ts';
import { openPacked, type PackedDataset } from '../data/packed.ts';
import { loadEngine, type Engine } from '../engines/load.ts';
import type { EvaluatedModel } from '../evaluation/check-models.ts';
import { freeze } from '../models/frozen.ts';
import { buildNetwork } from '../models/network.ts';
import { areNormalised, weightsFromArrays } from '../models/weights.ts';
import type { JobContext } from './control.ts';

export interface Bench {
  readonly dataset: PackedDataset;
  readonly engine: Engine;
  /** The model of each file, loaded once even if several roles name it. @throws AppError `wrong-architecture`, …. */
  load(file: ModelFile): Promise<EvaluatedModel>;
}

export interface BenchOptions {
  readonly datasetFolder: string;
  readonly engine: EngineChoice;
  readonly enginePack: string | null;
  readonly threads: number;
  readonly deterministic: boolean;
}

/** Opens a data set and an engine for jobs that look at trained models, and closes everything after `work`. */
export async function withBench<T>(
  options: BenchOptions,
  context: JobContext,
  work: (bench: Bench) => Promise<T>,
): Promise<T> {
  const dataset = await openPacked(options.datasetFolder);
  const loaded = new Map<string, Promise<EvaluatedModel>>();
  try {
    const { enginePack, threads, deterministic } = options;
    const engine = await loadEngine(options.engine, { enginePack, threads, deterministic });
    context.emit({ type: 'engine', engine: engine.info, note: engine.note });
    const load = (file: ModelFile): Promise<EvaluatedModel> => {
      const model = loaded.get(file.id) ?? loadModel(file);
      loaded.set(file.id, model);
      return model;
    };
    try {
      return await work({ dataset, engine, load });
    } finally {
      for (const model of await Promise.allSettled(loaded.values())) {
        if (model.status === 'fulfilled') tf.dispose(Object.values(model.value.weights));
      }
      engine.dispose();
    }
  } finally {
    dataset.close();
  }
}

/** Attacks and maps never change weights: they get the network with its batch normalisation folded away. */
async function loadModel(model: ModelFile): Promise<EvaluatedModel> {
  const arrays = await readNpz(model.weights);
  const network = buildNetwork(model.architecture, model.inputShape, model.classes, areNormalised(arrays));
  return { model, ...freeze(network, weightsFromArrays(network, arrays, model.weights)) };
}
