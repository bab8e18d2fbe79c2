import * as tf from '@tensorflow/tfjs-core';
import type { EngineChoice } from '../../../shared/domain/engine.ts';
import type { ForeignModel, ModelFile } from '../../../shared/domain/model.ts';
import { readNpz } from '../arrays/npz.ts';
import { openPacked, type PackedDataset } from '../data/packed.ts';
import { loadEngine, type Engine } from '../engines/load.ts';
import type { EvaluatedModel } from '../evaluation/check-models.ts';
import { createPredictor } from '../models/foreign/reading.ts';
import { openForeign } from '../models/foreign/session.ts';
import { freeze } from '../models/frozen.ts';
import { buildNetwork } from '../models/network.ts';
import { opaqueNetwork } from '../models/predictor.ts';
import { areNormalised, weightsFromArrays } from '../models/weights.ts';
import type { JobContext } from './control.ts';

export interface Bench {
  readonly dataset: PackedDataset;
  readonly engine: Engine;
  /** The model of each file, loaded once even if several roles name it. @throws AppError `wrong-architecture`, …. */
  readonly load: (file: ModelFile) => Promise<EvaluatedModel>;
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
      const model = loaded.get(file.id) ?? (file.foreign ? openModel(file, file.foreign, threads) : loadModel(file));
      loaded.set(file.id, model);
      return model;
    };
    try {
      return await work({ dataset, engine, load });
    } finally {
      for (const model of await Promise.allSettled(loaded.values())) {
        if (model.status !== 'fulfilled') continue;
        tf.dispose(Object.values(model.value.weights));
        await model.value.predictor?.dispose();
      }
      engine.dispose();
    }
  } finally {
    dataset.close();
  }
}

/** A model of another program: nothing of it but its forward pass. */
async function openModel(model: ModelFile, foreign: ForeignModel, threads: number): Promise<EvaluatedModel> {
  const { inputShape, classes, weights } = model;
  const session = await openForeign(foreign.format, weights, threads);
  return {
    model,
    network: opaqueNetwork(foreign.format, inputShape, classes),
    weights: {},
    predictor: createPredictor(session, foreign.reading, inputShape, classes),
  };
}

/** Attacks and maps never change weights: they get the network with its batch normalisation folded away. The caller disposes of the weights. */
export async function loadModel(model: ModelFile): Promise<EvaluatedModel> {
  const arrays = await readNpz(model.weights);
  const network = buildNetwork(model.architecture, model.inputShape, model.classes, areNormalised(arrays), {
    settings: model.architectureSettings,
  });
  return { model, ...freeze(network, weightsFromArrays(network, arrays, model.weights)) };
}
