import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readManifest } from '../../electron/compute/data/packed.ts';
import { runJob } from '../../electron/compute/jobs/registry.ts';
import type { JobContext } from '../../electron/compute/jobs/control.ts';
import { ENGINE_NAMES } from '../../shared/domain/engine.ts';
import { evaluationRequest } from '../../shared/domain/evaluation.ts';
import type { JobSpecOf } from '../../shared/domain/job.ts';
import type { ModelFile } from '../../shared/domain/model.ts';
import type { SettingValues } from '../../shared/domain/settings.ts';
import { trainConfig } from '../../shared/domain/training.ts';
import { startGatedJob } from './gate.ts';
import type { SideTask, SideTaskOf } from './protocol.ts';

/** What came of some repetitions, apart from the time that they took. */
export interface Done {
  readonly repetitions: number;
  readonly robust: number | null;
}

/** Does so many repetitions of a task. */
export type Repeat = (times: number) => Promise<Done>;

const MODEL_ID = 'model-00000000';
/** As many starts or steps as there may ever be: the job is stopped from outside. */
const ENDLESS = 100_000;

/** Sets a task up, as jobs of the product; nothing has been computed yet when it resolves. */
export async function prepareTask(task: SideTask): Promise<Repeat> {
  switch (task.kind) {
    case 'attack':
      return attackTask(task);
    case 'train':
      return trainTask(task);
    case 'robust':
      return robustTask(task);
  }
}

/** One long evaluation with very many starts: each start is one repetition. */
function attackTask(task: SideTaskOf<'attack'>): Repeat {
  const { epsilon, steps, stepSize, batch } = task;
  const settings = { epsilon, steps, stepSize, restarts: ENDLESS, randomStart: true };
  const job = startGatedJob((context) =>
    runJob(evaluateJob(task, 'pgd', settings, task.dataset, task.folder), context),
  );
  const unit = batch * steps;
  return async (times) => ({ repetitions: (await job.advance(times * unit)) / unit, robust: null });
}

/** One long training: each of its steps is one repetition. */
function trainTask(task: SideTaskOf<'train'>): Repeat {
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
  const spec: JobSpecOf<'train'> = {
    kind: 'train',
    id: 'run-00000000',
    folder,
    enginePack,
    threads,
    dataset: { folder: dataset },
    config,
    resume: false,
  };
  const job = startGatedJob((context) => runJob(spec, context));
  return async (times) => ({ repetitions: await job.advance(times), robust: null });
}

/** A whole evaluation for each repetition. */
function robustTask(task: SideTaskOf<'robust'>): Repeat {
  const { chunks, folder } = task;
  const quiet: JobContext = { emit: () => undefined, progress: () => undefined, checkpoint: async () => undefined };
  let next = 0;
  return async (times) => {
    let robust = 0;
    for (let time = 0; time < times; time += 1, next += 1) {
      const results = join(folder, `evaluation-${next}`);
      await mkdir(results, { recursive: true });
      const chunk = chunks[next % chunks.length] ?? '';
      const done = await runJob(evaluateJob(task, task.attack, robustSettings(task), chunk, results), quiet);
      const target = done.kind === 'evaluate' ? done.result.targets[0] : undefined;
      if (!target) throw new Error('An evaluation ended without a result.');
      robust += Math.round(target.robustAccuracy * target.examples);
    }
    return { repetitions: times, robust };
  };
}

function robustSettings({ attack, epsilon, steps, stepSize, restarts }: SideTaskOf<'robust'>): SettingValues {
  switch (attack) {
    case 'pgd':
      return { epsilon, steps, stepSize, restarts, randomStart: true, stopAtSuccess: true };
    case 'apgd':
      return { epsilon, steps, restarts };
    case 'square':
      return { epsilon, queries: steps };
  }
}

function evaluateJob(
  task: SideTaskOf<'attack' | 'robust'>,
  attack: string,
  settings: SettingValues,
  dataset: string,
  folder: string,
): JobSpecOf<'evaluate'> {
  const { side, threads, enginePack, network, weights } = task;
  const model: ModelFile = {
    id: MODEL_ID,
    name: network.architecture,
    architecture: network.architecture,
    inputShape: network.shape,
    classes: network.classes,
    defence: null,
    seed: null,
    weights,
  };
  const request = evaluationRequest.parse({
    dataset: readManifest(dataset).id,
    targets: [MODEL_ID],
    attack: { name: attack, settings },
    examples: { count: null },
    batchSize: task.batch,
    engine: engineOf(side),
  });
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
  };
}

function engineOf(side: string): (typeof ENGINE_NAMES)[number] {
  const engine = ENGINE_NAMES.find((name) => name === side);
  if (!engine) throw new Error(`Pairlight has no engine "${side}".`);
  return engine;
}
