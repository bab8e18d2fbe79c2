import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { appendFileSync, existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { EngineName } from '../../../shared/domain/engine.ts';
import type { HostMessage, JobSpecOf } from '../../../shared/domain/job.ts';
import type { TrainPoint } from '../../../shared/domain/train-point.ts';
import { trainConfig, type TrainConfigInput } from '../../../shared/domain/training.ts';
import { packFolder } from '../../services/engine-pack/state.ts';
import { BARS_ID, writeBars } from '../fixtures/bars.ts';
import { readNpz } from '../arrays/npz.ts';
import { BEST_CHECKPOINT, CHECKPOINTS, readCheckpoint } from './checkpoint.ts';
import { METRICS_FILE, readPoints } from './metrics.ts';
import { WEIGHTS_FILE } from './train.ts';

const HOST = resolve(import.meta.dirname, '../job-host.ts');
const ID = 'run-0123456789';
/** The engines that repeat their numbers to the last bit. */
const REPEATABLE = ['tensorflow', 'wasm'] as const satisfies readonly EngineName[];

// Each test starts several processes, each with an engine of its own.
vi.setConfig({ testTimeout: 240_000 });

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'pairlight-resume-'));
  await writeBars(join(scratch, 'data'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

interface Host {
  readonly process: ChildProcess;
  readonly messages: HostMessage[];
  /** Resolves with the exit status, or the name of the signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

/** Starts a training in a job process of its own. `onMessage` may send wishes or kill the process. */
function startHost(
  folder: string,
  engine: EngineName,
  config: Partial<TrainConfigInput>,
  resume: boolean,
  onMessage: (message: HostMessage, process: ChildProcess) => void = () => undefined,
): Host {
  const job: JobSpecOf<'train'> = {
    kind: 'train',
    id: ID,
    folder,
    enginePack: PACK,
    threads: 2,
    dataset: { folder: join(scratch, 'data') },
    resume,
    config: trainConfig.parse({
      dataset: BARS_ID,
      architecture: 'small-cnn',
      defence: 'at-alp',
      defenceSettings: { attackSteps: 3 },
      trainer: { epochs: 4, batchSize: 10, checkpointEvery: 7, validationEvery: 1, validationSteps: 2, cropPadding: 1 },
      seed: 3,
      engine,
      deterministic: true,
      ...config,
    } satisfies TrainConfigInput),
  };
  const child = fork(HOST, {
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const messages: HostMessage[] = [];
  child.on('message', (raw) => {
    const message = raw as HostMessage;
    messages.push(message);
    if (message.type === 'ready') child.send({ type: 'start', job });
    onMessage(message, child);
  });
  const ended = new Promise<number | NodeJS.Signals | null>((done) =>
    child.on('exit', (code, signal) => done(code ?? signal)),
  );
  return { process: child, messages, ended };
}

const PACK = existsSync(join(packFolder(), 'tfjs_binding.node')) ? packFolder() : null;

async function runFolder(name: string): Promise<string> {
  const folder = join(scratch, name);
  await mkdir(folder, { recursive: true });
  return folder;
}

/** A run's points without what is wall time. */
async function pointsOf(folder: string): Promise<TrainPoint[]> {
  const points = await readPoints(join(folder, METRICS_FILE));
  return points
    .filter((point) => point.type !== 'speed')
    .map((point) => (point.type === 'step' ? { ...point, rate: 0 } : point));
}

/** Writes until there is no room left. */
function fill(file: string): void {
  try {
    for (;;) appendFileSync(file, Buffer.alloc(65_536));
  } catch {
    try {
      for (;;) appendFileSync(file, 'x');
    } catch {
      return;
    }
  }
}

const weightsOf = (folder: string): Promise<Buffer> => readFile(join(folder, WEIGHTS_FILE));

describe.each(REPEATABLE)('a training on %s in deterministic mode', (engine) => {
  it('killed with −9 and resumed gives the same weights and numbers to the last bit', async ({ skip }) => {
    if (engine === 'tensorflow' && !PACK) skip('the tensorflow engine pack is not installed');
    const whole = await runFolder(`${engine}-whole`);
    const host = startHost(whole, engine, {}, false);
    expect(await host.ended).toBe(0);
    expect(host.messages.at(-1)).toMatchObject({ type: 'done', result: { kind: 'train', result: { steps: 40 } } });

    const broken = await runFolder(`${engine}-broken`);
    for (const [round, step] of [11, 26].entries()) {
      const killed = startHost(broken, engine, {}, round > 0, (message, child) => {
        if (message.type === 'point' && message.point.step >= step) child.kill('SIGKILL');
      });
      expect(await killed.ended).toBe('SIGKILL');
      expect(existsSync(join(broken, WEIGHTS_FILE))).toBe(false);
    }
    const resumed = startHost(broken, engine, {}, true);
    expect(await resumed.ended).toBe(0);
    const first = resumed.messages.find((message) => message.type === 'point');
    expect(first?.point.step).toBeGreaterThan(21);

    expect(await pointsOf(broken)).toEqual(await pointsOf(whole));
    expect((await weightsOf(broken)).equals(await weightsOf(whole))).toBe(true);
    const kept = await readdir(join(whole, CHECKPOINTS));
    expect(kept.toSorted()).toEqual([BEST_CHECKPOINT, 'step-00000035.npz', 'step-00000040.npz']);
  });
});

it('both engines take the same steps, within rounding', async ({ skip }) => {
  if (!PACK) skip('the tensorflow engine pack is not installed');
  const [first, second] = await Promise.all(
    REPEATABLE.map(async (engine) => (await pointsOf(join(scratch, `${engine}-whole`))).slice(0, 8)),
  );
  for (const [at, point] of first!.entries()) {
    const other = second![at]!;
    if (point.type !== 'step' || other.type !== 'step') continue;
    for (const [term, value] of Object.entries(point.terms)) expect(other.terms[term]).toBeCloseTo(value, 3);
  }
});

/** Every state that a run may have beside its weights. */
const STATES: Record<string, TrainConfigInput['trainer']> = {
  'AdamW with averaged weights of which it keeps the best': {
    optimizer: 'adamw',
    weightDecay: 0.01,
    ema: 0.9,
    keep: 'best',
    clipNorm: 1,
    schedule: 'one-cycle',
  },
  'SGD in micro-batches that stops early': {
    optimizer: 'sgd',
    learningRate: 0.05,
    accumulation: 3,
    patience: 2,
    keep: 'best',
    schedule: 'step',
    milestones: '0.2',
    epsilonSchedule: 'cosine',
    epsilonStart: 0.3,
  },
  'RMSProp that keeps the average': { optimizer: 'rmsprop', learningRate: 0.001, ema: 0.95, keep: 'ema' },
};

describe.each(Object.entries(STATES))('a training with %s', (name, more) => {
  it('killed with −9 and resumed gives the same weights, best weights and numbers to the last bit', async () => {
    const trainer = { epochs: 4, batchSize: 10, checkpointEvery: 7, validationEvery: 0.3, validationSteps: 2, ...more };
    const values = { trainer, defence: 'at', defenceSettings: { attackSteps: 1, epsilon: 0.1 } };
    const [whole, broken] = [await runFolder(`${name} whole`), await runFolder(`${name} broken`)];
    const host = startHost(whole, 'wasm', values, false);
    expect(await host.ended).toBe(0);
    const done = host.messages.at(-1);
    expect(done).toMatchObject({
      type: 'done',
      result: { kind: 'train', result: { kept: { weights: trainer.keep } } },
    });
    const killed = startHost(broken, 'wasm', values, false, (message, child) => {
      if (message.type === 'point' && message.point.step >= 5) child.kill('SIGKILL');
    });
    expect(await killed.ended).toBe('SIGKILL');
    const resumed = startHost(broken, 'wasm', values, true);
    expect(await resumed.ended).toBe(0);
    expect(await pointsOf(broken)).toEqual(await pointsOf(whole));
    expect((await weightsOf(broken)).equals(await weightsOf(whole))).toBe(true);
    const [one, other] = await Promise.all(
      [whole, broken].map(async (folder) => readCheckpoint(join(folder, CHECKPOINTS, BEST_CHECKPOINT))),
    );
    expect(other!.weights).toEqual(one!.weights);
    expect(other!.average).toEqual(one!.average);
    expect(other!.meta.step).toBe(one!.meta.step);
    // What it keeps is what its choice says.
    const kept = await readNpz(join(whole, WEIGHTS_FILE));
    const best = Object.keys(one!.average).length > 0 ? one!.average : one!.weights;
    expect(Object.keys(kept).length).toBeGreaterThan(4);
    const same = Object.entries(kept).every(([key, array]) =>
      Buffer.from(array.data.buffer).equals(Buffer.from(best[key]!.data.buffer)),
    );
    if (trainer.keep === 'best') expect(same).toBe(true);
    const points = (await pointsOf(whole)).filter((point) => point.type === 'validation');
    expect(points.every((point) => (point.ema !== undefined) === 'ema' in trainer)).toBe(true);
    const result = done?.type === 'done' && done.result.kind === 'train' ? done.result.result : null;
    if (trainer.patience) {
      expect(result?.stoppedEarly).toBe(true);
      expect(result?.steps).toBe(points.at(-1)!.step);
      expect(points.length).toBe(points.findIndex((point) => point.step === result?.best?.step) + 1 + trainer.patience);
    }
  });
});

describe('a training on wasm', () => {
  it('passes over a damaged checkpoint, and drops what the metrics say beyond the one it takes', async () => {
    const folder = await runFolder('damaged');
    await cp(join(scratch, 'wasm-whole'), folder, { recursive: true });
    await rm(join(folder, WEIGHTS_FILE));
    await truncate(join(folder, CHECKPOINTS, 'step-00000040.npz'), 1000);
    const host = startHost(folder, 'wasm', {}, true);
    expect(await host.ended).toBe(0);
    expect(host.messages.find((message) => message.type === 'point')?.point.step).toBe(36);
    expect(await pointsOf(folder)).toEqual(await pointsOf(join(scratch, 'wasm-whole')));
    expect((await weightsOf(folder)).equals(await weightsOf(join(scratch, 'wasm-whole')))).toBe(true);
  });

  it('refuses a checkpoint of other settings', async () => {
    const host = startHost(join(scratch, 'damaged'), 'wasm', { defenceSettings: { attackSteps: 3, beta: 2 } }, true);
    expect(await host.ended).toBe(0);
    expect(host.messages.at(-1)).toMatchObject({ type: 'error', error: { code: 'conflict' } });
  });

  it('cancelled leaves a checkpoint of its last step, from which it goes on', async () => {
    const folder = await runFolder('cancelled');
    const host = startHost(folder, 'wasm', {}, false, (message, child) => {
      if (message.type === 'point' && message.point.step === 4) child.send({ type: 'cancel' });
    });
    expect(await host.ended).toBe(0);
    expect(host.messages.at(-1)).toMatchObject({ type: 'error', error: { code: 'cancelled' } });
    const points = await pointsOf(folder);
    const last = points.at(-1)!.step;
    expect(await readdir(join(folder, CHECKPOINTS))).toContain(`step-${String(last).padStart(8, '0')}.npz`);
    const resumed = startHost(folder, 'wasm', {}, true);
    expect(await resumed.ended).toBe(0);
    expect((await weightsOf(folder)).equals(await weightsOf(join(scratch, 'wasm-whole')))).toBe(true);
  });

  it('whose disk fills ends with a clear error and its checkpoint intact, and goes on once there is room', async ({
    skip,
  }) => {
    const folder = await runFolder('full');
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder], { stdio: 'ignore' });
    } catch {
      skip('this user may not mount a small disk');
    }
    try {
      const filler = join(folder, 'filler');
      const host = startHost(folder, 'wasm', {}, false, (message) => {
        if (message.type === 'checkpoint' && message.step === 14) fill(filler);
      });
      expect(await host.ended).toBe(0);
      const last = host.messages.at(-1);
      expect(last).toMatchObject({ type: 'error', error: { code: 'library-full', retry: true } });
      expect(last?.type === 'error' && last.error.message).toContain(folder);
      const kept = await readdir(join(folder, CHECKPOINTS));
      expect(kept).toContain('step-00000014.npz');
      expect((await readCheckpoint(join(folder, CHECKPOINTS, 'step-00000014.npz'))).meta.step).toBe(14);
      expect(kept.filter((name) => name.endsWith('.tmp'))).toEqual([]);
      await rm(filler);
      const resumed = startHost(folder, 'wasm', {}, true);
      expect(await resumed.ended).toBe(0);
      expect((await weightsOf(folder)).equals(await weightsOf(join(scratch, 'wasm-whole')))).toBe(true);
    } finally {
      execFileSync('umount', ['-l', folder]);
    }
  });

  it('pauses with a checkpoint and resumes', async () => {
    const folder = await runFolder('paused');
    const states: string[] = [];
    const host = startHost(folder, 'wasm', {}, false, (message, child) => {
      if (message.type === 'point' && message.point.step === 3) child.send({ type: 'pause' });
      if (message.type !== 'state') return;
      states.push(message.state);
      if (message.state === 'paused') setTimeout(() => child.send({ type: 'resume' }), 200);
    });
    expect(await host.ended).toBe(0);
    expect(states).toEqual(['running', 'paused', 'running']);
    const paused = host.messages.findIndex((message) => message.type === 'state' && message.state === 'paused');
    expect(host.messages[paused - 1]).toMatchObject({ type: 'checkpoint' });
    expect(await pointsOf(folder)).toEqual(await pointsOf(join(scratch, 'wasm-whole')));
  });

  it('ends at once when its owner closes the channel', async () => {
    const host = startHost(await runFolder('orphan'), 'wasm', {}, false, (message, child) => {
      if (message.type === 'point' && message.point.step === 2) child.disconnect();
    });
    expect(await host.ended).toBe(1);
    expect(existsSync(join(scratch, 'orphan', WEIGHTS_FILE))).toBe(false);
  });

  it('that diverges stops, names step and term, and goes on at a lower rate from the last checkpoint that is good', async () => {
    const folder = await runFolder('diverged');
    // The rate rises step by step until it is too high.
    const trainer = {
      epochs: 4,
      batchSize: 10,
      optimizer: 'adam',
      learningRate: 10,
      learningRateWarmup: 0.9,
      epsilonWarmup: 0,
      checkpointEvery: 1,
    } as const;
    const values = { trainer, defenceSettings: { attackSteps: 1, alpha: 1000 } };
    const host = startHost(folder, 'wasm', values, false);
    expect(await host.ended).toBe(0);
    const last = host.messages.at(-1);
    expect(last).toMatchObject({ type: 'error', error: { code: 'non-finite' } });
    const details = last?.type === 'error' ? last.error.details : undefined;
    const [step, good] = [Number(details?.['step']), Number(details?.['checkpoint'])];
    expect(['clean', 'adversarial', 'logits', 'attention', 'total', 'gradient']).toContain(details?.['term']);
    expect(good).toBe(step - 2);
    expect((await readdir(join(folder, CHECKPOINTS))).toSorted().at(-1)).toBe(
      `step-${String(good).padStart(8, '0')}.npz`,
    );

    const slower = { ...values, rateCuts: [{ after: good, factor: 0.001 }] };
    const resumed = startHost(folder, 'wasm', slower, true);
    expect(await resumed.ended).toBe(0);
    expect(resumed.messages.at(-1)).toMatchObject({ type: 'done', result: { result: { steps: 40 } } });
    expect(resumed.messages.find((message) => message.type === 'point')?.point.step).toBe(good + 1);
    const rates = (await pointsOf(folder)).flatMap((point) => (point.type === 'step' ? [point.learningRate] : []));
    expect(rates[good]! / rates[good - 1]!).toBeCloseTo((0.001 * (good + 1)) / good, 9);
    // Its checkpoints belong to the lower rate from here on.
    const back = startHost(folder, 'wasm', values, true);
    expect(await back.ended).toBe(0);
    expect(back.messages.at(-1)).toMatchObject({ type: 'error', error: { code: 'conflict' } });
  });

  it('learns, and β = 0 and β > 0 differ after one step', async () => {
    const [without, withPairing] = [await runFolder('beta-0'), await runFolder('beta-5')];
    for (const [folder, beta] of [
      [without, 0],
      [withPairing, 5],
    ] as const) {
      const host = startHost(folder, 'wasm', { defenceSettings: { attackSteps: 3, epsilon: 0.1, beta } }, false);
      expect(await host.ended).toBe(0);
    }
    const [a, b] = [await pointsOf(without), await pointsOf(withPairing)];
    const stepsOf = (points: TrainPoint[]) => points.filter((point) => point.type === 'step');
    expect(stepsOf(a)[0]!.terms['clean']).toBe(stepsOf(b)[0]!.terms['clean']);
    expect(stepsOf(a)[1]!.terms['clean']).not.toBe(stepsOf(b)[1]!.terms['clean']);
    expect(b.findLast((point) => point.type === 'validation')!.cleanAccuracy).toBeGreaterThan(0.9);
  });
});
