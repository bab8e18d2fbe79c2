import { readManifest } from '../../electron/compute/data/packed.ts';
import { ENGINE_NAMES, type EngineName } from '../../shared/domain/engine.ts';
import { evaluationRequest } from '../../shared/domain/evaluation.ts';
import type { JobSpecOf } from '../../shared/domain/job.ts';
import type { SettingValues } from '../../shared/domain/settings.ts';
import { trainConfig } from '../../shared/domain/training.ts';
import type { SideTask, SideTaskOf } from './protocol.ts';

const MODEL_ID = 'model-00000000';
/** As many starts, steps or epochs as there may ever be: the job is stopped from outside. */
export const ENDLESS = 100_000;

/** A white-box evaluation of the task's model on all test images of `dataset`, results into `folder`. */
export function evaluateJob(
  task: Pick<SideTaskOf<'attack' | 'robust'>, 'side' | 'threads' | 'enginePack' | 'network' | 'weights' | 'batch'>,
  attack: { readonly name: string; readonly settings: SettingValues },
  dataset: string,
  folder: string,
): JobSpecOf<'evaluate'> {
  const { side, threads, enginePack, network, weights } = task;
  const request = evaluationRequest.parse({
    dataset: readManifest(dataset).id,
    targets: [MODEL_ID],
    attack,
    examples: { count: null },
    batchSize: task.batch,
    engine: engineOf(side),
  });
  const { architecture, shape: inputShape, classes } = network;
  const model = {
    id: MODEL_ID,
    name: architecture,
    architecture,
    inputShape,
    classes,
    defence: null,
    seed: null,
    weights,
  };
  return {
    kind: 'evaluate',
    id: 'evaluation-00000000',
    folder,
    enginePack,
    threads,
    dataset: { folder: dataset },
    request,
    targets: [model],
    source: null,
    ensemble: [],
    carry: [],
    kept: [],
  };
}

/** PGD that starts over and over. */
export function endlessPgd({ epsilon, steps, stepSize }: SideTaskOf<'attack'>): SettingValues {
  return { epsilon, steps, stepSize, restarts: ENDLESS, randomStart: true };
}

/** Adversarial training by SGD that never validates and saves only at its first and last step. */
export function trainJob(task: SideTaskOf<'train'>): JobSpecOf<'train'> {
  const { side, threads, enginePack, folder, dataset, network, batch, epsilon, steps, stepSize } = task;
  const config = trainConfig.parse({
    dataset: readManifest(dataset).id,
    architecture: network.architecture,
    defence: 'at',
    defenceSettings: { epsilon, attackSteps: steps, attackStepSize: stepSize },
    trainer: {
      epochs: 10_000,
      batchSize: batch,
      optimizer: 'sgd',
      learningRate: 1e-4,
      schedule: 'constant',
      epsilonWarmup: 0,
      validationEvery: 100,
      checkpointEvery: ENDLESS,
    },
    engine: engineOf(side),
  });
  const id = 'run-00000000';
  return { kind: 'train', id, folder, enginePack, threads, dataset: { folder: dataset }, config, resume: false };
}

/** @throws Error for a side that is no engine. */
export function engineOf(side: SideTask['side']): EngineName {
  const engine = ENGINE_NAMES.find((name) => name === side);
  if (!engine) throw new Error(`Pairlight has no engine "${side}".`);
  return engine;
}
