/**
 * What the input pipeline costs: in a process of its own, a batch read, varied and started by itself, and then a
 * training with all of that, as the product does it. One line in, one out.
 */
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { AppError } from '../../shared/domain/errors.ts';
import type { SpeedPoint } from '../../shared/domain/speed.ts';
import { openPacked } from '../../electron/compute/data/packed.ts';
import { batchPreparer } from '../../electron/compute/data/prepare.ts';
import type { JobContext } from '../../electron/compute/jobs/control.ts';
import { runJob } from '../../electron/compute/jobs/registry.ts';
import { trainJob } from './job-specs.ts';
import { benchNetwork } from './protocol.ts';
import { median } from './statistics.ts';

const order = z.strictObject({
  engine: z.enum(['tensorflow', 'wasm']),
  network: benchNetwork,
  batch: z.int().min(1),
  threads: z.int().min(1),
  enginePack: z.string().nullable(),
  /** Packed data set of training images, and an empty folder for the run. */
  dataset: z.string(),
  folder: z.string(),
  /** Steps of the inner attack; 0 for natural training. */
  attackSteps: z.int().min(0),
  /** Seconds that the training is watched, after as many to warm up. */
  seconds: z.number(),
});
export type PipelineOrder = z.infer<typeof order>;

export interface PipelineCost {
  /** Processor seconds of preparing one batch, median. */
  readonly prepare: number;
  /** Seconds of one training step, and of it the wait for the batch and its upload. */
  readonly step: number;
  readonly wait: number;
}

const AUGMENTATION = { flip: true, cropPadding: 4, cutout: 8 };
const EPSILON = 8 / 255;
const BATCHES = 40;

const task = order.parse(JSON.parse(await text(process.stdin)));
const prepare = await prepareSeconds();
const points = await trainingPoints();
const sum = (value: (point: SpeedPoint) => number): number => points.reduce((total, point) => total + value(point), 0);
const steps = sum((point) => point.steps);
const inStep = ({ time }: SpeedPoint): number => time.data + time.attack + time.update + time.report + time.other;
const cost: PipelineCost = {
  prepare,
  step: sum(inStep) / steps / 1000,
  wait: sum(({ time }) => time.data) / steps / 1000,
};
process.stdout.write(`${JSON.stringify(cost)}\n`);
process.exit(0);

async function prepareSeconds(): Promise<number> {
  const dataset = await openPacked(task.dataset);
  const positions = dataset.positions('train');
  const { shape } = dataset.manifest;
  const values = task.batch * shape[0] * shape[1] * shape[2];
  const array = (): Float32Array => new Float32Array(values);
  const attacked = task.attackSteps > 0;
  const memory = { images: array(), points: attacked ? { start: array(), lower: array(), upper: array() } : null };
  const recipe = { shape, seed: 0, augmentation: AUGMENTATION, fill: [0.5, 0.5, 0.5], noise: 0, randomStart: attacked };
  const make = batchPreparer(recipe, (at) => dataset.readBytes(at));
  const times = Array.from({ length: 2 * BATCHES }, (_, step) => {
    const before = process.cpuUsage();
    const start = (step * task.batch) % (positions.length - task.batch + 1);
    const batch = positions.slice(start, start + task.batch);
    make({ step, epoch: step, positions: batch, epsilon: attacked ? EPSILON : null }, memory);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  });
  dataset.close();
  return median(times.slice(BATCHES));
}

/** The speed of a training with everything switched on, once its steps have been compiled. */
async function trainingPoints(): Promise<readonly SpeedPoint[]> {
  const { engine: side, attackSteps, ...rest } = task;
  const job = trainJob({
    kind: 'train',
    side,
    network: rest.network,
    batch: rest.batch,
    threads: rest.threads,
    enginePack: rest.enginePack,
    folder: rest.folder,
    dataset: rest.dataset,
    steps: Math.max(1, attackSteps),
    epsilon: EPSILON,
    stepSize: EPSILON / 4,
  });
  const trainer = { ...job.config.trainer, ...AUGMENTATION };
  const defence = attackSteps > 0 ? {} : { defence: 'natural', defenceSettings: {} };
  const found: SpeedPoint[] = [];
  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1000;
  const context: JobContext = {
    progress: () => undefined,
    emit: (event) => {
      if (event.type === 'point' && event.point.type === 'speed' && elapsed() > rest.seconds) found.push(event.point);
    },
    async checkpoint() {
      await new Promise((resolve) => setImmediate(resolve));
      if (found.length > 0 && elapsed() > 2 * rest.seconds) throw new AppError('cancelled', 'Enough was seen.');
    },
  };
  try {
    await runJob({ ...job, config: { ...job.config, ...defence, trainer } }, context);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'cancelled')) throw error;
  }
  return found;
}
