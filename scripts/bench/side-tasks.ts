import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readExamples } from '../../electron/compute/data/examples.ts';
import { openPacked } from '../../electron/compute/data/packed.ts';
import { loadEngine } from '../../electron/compute/engines/load.ts';
import type { JobContext } from '../../electron/compute/jobs/control.ts';
import { runJob } from '../../electron/compute/jobs/registry.ts';
import { freeze } from '../../electron/compute/models/frozen.ts';
import { buildNetwork } from '../../electron/compute/models/network.ts';
import { loadWeights } from '../../electron/compute/models/weights.ts';
import { createInnerAttacker } from '../../electron/compute/training/inner-attack.ts';
import type { SettingValues } from '../../shared/domain/settings.ts';
import { startGatedJob } from './gate.ts';
import { endlessPgd, engineOf, evaluateJob, trainJob } from './job-specs.ts';
import type { SideTask, SideTaskOf } from './protocol.ts';

/** Does so many repetitions of a task. */
export type Repeat = (times: number) => Promise<{
  /** How many were really done: a job stops between two steps only. */
  readonly repetitions: number;
  /** Examples that withstood, where they are counted. */
  readonly robust: number | null;
}>;

/** Sets a task up as jobs of the product; the engine is loaded when it resolves. */
export async function prepareTask(task: SideTask): Promise<Repeat> {
  const { enginePack, threads } = task;
  await loadEngine(engineOf(task.side), { enginePack, threads, deterministic: false });
  switch (task.kind) {
    case 'attack':
      return attackTask(task);
    case 'make':
      return makeTask(task);
    case 'train':
      return trainTask(task);
    case 'robust':
      return robustTask(task);
  }
}

/** One long evaluation with very many starts: each start is one repetition. */
function attackTask(task: SideTaskOf<'attack'>): Repeat {
  const spec = evaluateJob(task, { name: 'pgd', settings: endlessPgd(task) }, task.dataset, task.folder);
  const job = startGatedJob((context) => runJob(spec, context));
  const unit = task.batch * task.steps;
  return async (times) => ({ repetitions: (await job.advance(times * unit)) / unit, robust: null });
}

/** Adversarial examples by the attack of adversarial training, on a frozen network: bounds, start, steps, and the images off the engine. */
async function makeTask(task: SideTaskOf<'make'>): Promise<Repeat> {
  const { network: described, steps, epsilon, stepSize } = task;
  const built = buildNetwork(described.architecture, described.shape, described.classes);
  const { network, weights } = freeze(built, await loadWeights(built, task.weights));
  const dataset = await openPacked(task.dataset);
  const examples = readExamples(dataset, dataset.positions('test'));
  const attacker = createInnerAttacker(network, { epsilon, steps, stepSize, randomStart: true }, 0);
  let round = 0;
  return async (times) => {
    for (let time = 0; time < times; time += 1, round += 1) {
      const adversarial = await attacker.run(weights, examples, 1, round, async () => undefined);
      await adversarial.data();
      adversarial.dispose();
    }
    return { repetitions: times, robust: null };
  };
}

/** One long training: each of its steps is one repetition. */
function trainTask(task: SideTaskOf<'train'>): Repeat {
  const job = startGatedJob((context) => runJob(trainJob(task), context));
  return async (times) => ({ repetitions: await job.advance(times), robust: null });
}

/** A whole evaluation for each repetition. */
function robustTask(task: SideTaskOf<'robust'>): Repeat {
  const { chunks, folder } = task;
  const attack = { name: task.attack, settings: robustSettings(task) };
  const quiet: JobContext = { emit: () => undefined, progress: () => undefined, checkpoint: async () => undefined };
  let next = 0;
  return async (times) => {
    let robust = 0;
    for (let time = 0; time < times; time += 1, next += 1) {
      const results = join(folder, `evaluation-${next}`);
      await mkdir(results, { recursive: true });
      const done = await runJob(evaluateJob(task, attack, chunks[next % chunks.length] ?? '', results), quiet);
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
