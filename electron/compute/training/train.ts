import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { AppError } from '../../../shared/domain/errors.ts';
import type { TrainConfig, TrainPoint, TrainResult } from '../../../shared/domain/training.ts';
import { imageTensor } from '../attacks/base/batch.ts';
import type { PackedDataset } from '../data/packed.ts';
import type { Pipeline, PreparedBatch } from '../data/pipeline.ts';
import type { JobContext } from '../jobs/control.ts';
import { forward } from '../models/forward.ts';
import { frozenNetwork, frozenWeights } from '../models/frozen.ts';
import { parameterCount } from '../models/network.ts';
import { saveWeights } from '../models/weights.ts';
import { trainingBatches } from './batches.ts';
import { BEST_CHECKPOINT, checkpointName, newestCheckpoint, pruneCheckpoints, writeCheckpoint } from './checkpoint.ts';
import { createStepClock } from './clock.ts';
import { createInnerAttacker, type InnerAttacker } from './inner-attack.ts';
import { openMetrics, type Metrics } from './metrics.ts';
import { planTraining, type TrainingPlan } from './plan.ts';
import { epsilonShareAt, learningRateAt } from './schedule.ts';
import { channelStatistics, type ChannelStatistics } from '../data/statistics.ts';
import { disposeState, initialState, restoreState, saveState } from './state.ts';
import { createTrainStep, type StepReport, type TrainState, type TrainStep } from './step.ts';
import { createValidator, type Validator } from './validate.ts';

/** The trained weights, beside the run's checkpoints once the training is over. */
export const WEIGHTS_FILE = 'weights.npz';

/** A speed point stands for at least so much time. */
const SPEED_EVERY_MS = 1_000;

/** Clean images that a loss does not use are looked at in each tenth step: it costs a forward pass. */
const MEASURE_UNUSED_EVERY = 10;

export interface TrainingOptions {
  readonly config: TrainConfig;
  readonly dataset: PackedDataset;
  /** The run's folder: gets `checkpoints/`, `metrics.jsonl` and, at the end, `weights.npz`. */
  readonly folder: string;
  /** Go on from the newest good checkpoint, if there is one. */
  readonly resume: boolean;
  readonly context: JobContext;
  /** Awaited before the first step, with the number of steps that an earlier stretch has done. */
  readonly onStart?: (step: number) => Promise<void>;
  /** Told once of each thing that makes the training slower than it could be: why. */
  readonly onNote?: (note: string) => void;
  /** Entry of the thread that makes batches; null for none. Only tests and measurements say. */
  readonly batchThread?: URL | null;
}

/**
 * Trains a network to its end. In deterministic mode the numbers depend on configuration and data set alone, however
 * often the run was interrupted and resumed.
 * @throws AppError `invalid-input` for wrong settings; `non-finite` naming step and term, and `cancelled`, both with a
 *   checkpoint of the last good step; `conflict` if the checkpoint belongs to other settings; `library-full` and other
 *   errors of writing.
 */
export async function train(options: TrainingOptions): Promise<TrainResult> {
  const training = await Training.open(options);
  try {
    await options.onStart?.(training.done);
    return await training.run();
  } finally {
    await training.dispose();
  }
}

/** One run between its first and its last step. */
class Training {
  readonly #options: TrainingOptions;
  readonly #plan: TrainingPlan;
  readonly #metrics: Metrics;
  readonly #step: TrainStep;
  readonly #attacker: InnerAttacker | null;
  readonly #validator: Validator;
  readonly #batches: Pipeline;
  readonly #clock = createStepClock();
  #state: TrainState;
  /** Steps done. */
  #done: number;
  /** Steps done at the newest checkpoint; −1 if there is none. */
  #saved: number;
  /** Steps done at the newest speed point. */
  #told: number;
  /** Examples since then. */
  #examples = 0;
  readonly #secondsBefore: number;
  #best: number | null;
  readonly #notes = new Set<string>();

  private constructor(options: TrainingOptions, plan: TrainingPlan, metrics: Metrics, state: TrainState, start: Start) {
    const { network, defence, optimizer } = plan;
    const { trainer, seed } = options.config;
    this.#options = options;
    this.#plan = plan;
    this.#metrics = metrics;
    this.#state = state;
    this.#done = start.step;
    this.#saved = start.step > 0 ? start.step : -1;
    this.#told = start.step;
    this.#secondsBefore = start.seconds;
    this.#best = start.best;
    this.#step = createTrainStep({
      network,
      defence,
      optimizer,
      labelSmoothing: trainer.labelSmoothing,
    });
    this.#attacker = defence.inner ? createInnerAttacker(network, defence.inner, seed) : null;
    const { epsilon } = defence;
    const steps = trainer.validationSteps;
    const attack = { epsilon, steps, stepSize: (2.5 * epsilon) / steps, randomStart: true };
    this.#validator = createValidator(network, options.dataset, attack, seed);
    this.#batches = trainingBatches(options.config, options.dataset, plan, start.step, options.batchThread);
  }

  /** Plans the run, and takes it up where its newest checkpoint left it. */
  static async open(options: TrainingOptions): Promise<Training> {
    const plan = planTraining(options.config, options.dataset);
    const { network, optimizer } = plan;
    const checkpoint = options.resume ? await newestCheckpoint(options.folder, plan.hash) : null;
    const start = checkpoint?.meta ?? { step: 0, seconds: 0, best: null };
    const metrics = await openMetrics(options.folder, start.step);
    const state = checkpoint
      ? restoreState(network, optimizer, checkpoint)
      : initialState(network, optimizer, options.config.seed, () => trainingStatistics(options));
    return new Training(options, plan, metrics, state, start);
  }

  /** Steps done so far, by earlier stretches too. */
  get done(): number {
    return this.#done;
  }

  /** All steps that are left, then the weights file. */
  async run(): Promise<TrainResult> {
    const { folder, config } = this.#options;
    const { network, order, total } = this.#plan;
    for (;;) {
      await this.#clock.within('validation', () => this.#validateIfDue());
      const due = this.#done % config.trainer.checkpointEvery === 0 || this.#done === total;
      if (this.#done > 0 && due) await this.#save();
      this.#tellSpeed();
      if (this.#done === total) break;
      await this.#rest();
      await this.#advance();
    }
    await saveWeights(network, this.#state.weights, join(folder, WEIGHTS_FILE));
    const last = this.#metrics.lastValidation();
    return {
      steps: total,
      epochs: total / order.stepsPerEpoch,
      seconds: this.#seconds(),
      cleanAccuracy: last?.cleanAccuracy ?? null,
      adversarialAccuracy: last?.adversarialAccuracy ?? null,
      parameters: parameterCount(network),
    };
  }

  async dispose(): Promise<void> {
    await this.#batches.dispose();
    disposeState(this.#state);
    this.#step.dispose();
    this.#attacker?.dispose();
    this.#validator.dispose();
  }

  /** One training step. */
  async #advance(): Promise<void> {
    const { context, config } = this.#options;
    const { order, optimizer, defence, total } = this.#plan;
    const clock = this.#clock;
    const started = clock.elapsed;
    const step = this.#done;
    const { trainer } = config;
    const learningRate = learningRateAt(trainer, step, total);
    const share = epsilonShareAt(trainer.epsilonWarmup, step, total);
    const batch = await clock.within('data', () => this.#batches.take(step));
    const { examples } = batch;
    const images = clock.withinSync('data', () => imageTensor(examples.images, examples.shape));
    const labels = tf.tensor1d(examples.labels, 'int32');
    let adversarial: tf.Tensor4D | null = null;
    let outcome: ReturnType<TrainStep['run']>;
    let unused: number | null;
    try {
      adversarial = await clock.within('attack', () => this.#attack(batch, share));
      const numbers = optimizer.numbers(learningRate, step);
      outcome = clock.withinSync('update', () =>
        this.#step.run(this.#state, images, adversarial, labels, numbers, (step + 1) / total),
      );
      unused = clock.withinSync('report', () => this.#measureUnused(images, labels));
    } finally {
      tf.dispose(adversarial ? [images, labels, adversarial] : [images, labels]);
    }
    const { state } = outcome;
    const report = clock.withinSync('report', outcome.report);
    batch.release();

    const culprit = nonFiniteTerm(report);
    if (culprit !== null) {
      disposeState(state);
      await this.#save();
      throw nonFinite(step + 1, culprit);
    }
    disposeState(this.#state);
    this.#state = state;
    this.#done = step + 1;
    this.#examples += examples.labels.length;
    this.#tellNotes();
    this.#point({
      type: 'step',
      step: this.#done,
      epoch: this.#done / order.stepsPerEpoch,
      terms: report.terms,
      cleanAccuracy: report.cleanAccuracy ?? unused,
      adversarialAccuracy: defence.inner ? report.adversarialAccuracy : null,
      learningRate,
      epsilon: defence.inner ? defence.inner.epsilon * share : null,
      rate: (1000 * examples.labels.length) / (clock.elapsed - started),
    });
    context.progress({
      done: this.#done,
      total,
      unit: 'steps',
      message: `Epoch ${Math.ceil(this.#done / order.stepsPerEpoch)} of ${trainer.epochs}`,
    });
  }

  /** x' of a batch, or null for defences that make none. */
  async #attack({ examples, points }: PreparedBatch, share: number): Promise<tf.Tensor4D | null> {
    if (!this.#attacker || !points) return null;
    const epoch = Math.floor(this.#done / this.#plan.order.stepsPerEpoch);
    return this.#attacker.run(this.#state.weights, examples, share, epoch, () => this.#rest(), points);
  }

  /** Accuracy of the network before the step on clean images that the loss does not use; null in most steps. */
  #measureUnused(images: tf.Tensor4D, labels: tf.Tensor1D): number | null {
    const { network, defence } = this.#plan;
    if (defence.halves !== 'adversarial' || (this.#done + 1) % MEASURE_UNUSED_EVERY !== 0) return null;
    const accuracy = tf.tidy(() => {
      const { logits } = forward(frozenNetwork(network), frozenWeights(network, this.#state.weights), images);
      return tf.mean(tf.cast(tf.equal(tf.argMax(logits, 1), labels), 'float32'));
    });
    const [share = null] = accuracy.dataSync<'float32'>();
    accuracy.dispose();
    return share;
  }

  #tellNotes(): void {
    const steps = this.#step.note ?? this.#attacker?.note ?? this.#validator.note;
    for (const note of [this.#batches.note, steps]) {
      if (note === null || this.#notes.has(note)) continue;
      this.#notes.add(note);
      this.#options.onNote?.(note);
    }
  }

  /** Where the time went, about once a second and at the end. */
  #tellSpeed(): void {
    const { order, total } = this.#plan;
    const step = this.#done;
    if (step === this.#told || (step < total && this.#clock.sinceLap < SPEED_EVERY_MS)) return;
    const { numTensors, numBytes } = tf.memory();
    this.#point({
      type: 'speed',
      step,
      epoch: step / order.stepsPerEpoch,
      steps: step - this.#told,
      examples: this.#examples,
      time: this.#clock.lap(),
      memory: { process: process.memoryUsage.rss(), tensors: numTensors, tensorBytes: numBytes },
    });
    this.#told = step;
    this.#examples = 0;
  }

  async #validateIfDue(): Promise<void> {
    const { folder } = this.#options;
    const { validateEvery, total, order } = this.#plan;
    const step = this.#done;
    const due = step > 0 && (step % validateEvery === 0 || step === total);
    if (!due || this.#metrics.lastValidation()?.step === step) return;
    const measured = await this.#validator.run(this.#state.weights, { checkpoint: () => this.#rest() });
    if (!measured) return;
    if (this.#best === null || measured.adversarialAccuracy > this.#best) {
      this.#best = measured.adversarialAccuracy;
      await this.#write(folder, BEST_CHECKPOINT);
    }
    this.#point({ type: 'validation', step, epoch: step / order.stepsPerEpoch, ...measured });
  }

  /** Writes a numbered checkpoint, unless that of this step is there. */
  async #save(): Promise<void> {
    const { context, folder } = this.#options;
    if (this.#saved === this.#done) return;
    const file = await this.#write(folder, checkpointName(this.#done));
    this.#saved = this.#done;
    await pruneCheckpoints(folder);
    context.emit({ type: 'checkpoint', step: this.#done, file });
  }

  async #write(folder: string, name: string): Promise<string> {
    const { network, optimizer, hash } = this.#plan;
    return this.#clock.within('checkpoint', async () =>
      writeCheckpoint(folder, name, {
        meta: { format: 1, step: this.#done, config: hash, seconds: this.#seconds(), best: this.#best },
        ...(await saveState(network, optimizer, this.#state)),
      }),
    );
  }

  #point(point: TrainPoint): void {
    this.#metrics.append(point);
    this.#options.context.emit({ type: 'point', point });
  }

  /** Lets others have a turn; what was done of a step or a validation is lost if the training ends here. */
  async #rest(): Promise<void> {
    await this.#clock.within('pause', () => this.#options.context.checkpoint(() => this.#save()));
  }

  /** Seconds of the run so far, in earlier stretches too; pauses do not count. */
  #seconds(): number {
    return this.#secondsBefore + this.#clock.elapsed / 1000;
  }
}

/** Of the images that the run trains on. */
function trainingStatistics({ config, dataset }: TrainingOptions): ChannelStatistics {
  return channelStatistics(dataset, dataset.positions('train').subarray(0, config.trainer.trainLimit ?? undefined));
}

type Start = { readonly step: number; readonly seconds: number; readonly best: number | null };

/** Name of the first quantity that is NaN or infinite, or null. */
function nonFiniteTerm(report: StepReport): string | null {
  const quantities = { ...report.terms, gradient: report.gradientSquares };
  return Object.entries(quantities).find(([, value]) => !Number.isFinite(value))?.[0] ?? null;
}

function nonFinite(step: number, term: string): AppError {
  return new AppError(
    'non-finite',
    `Training stopped at step ${step}: ${term === 'gradient' ? 'the gradient' : `the loss term “${term}”`} is not a finite number any more. The checkpoint before it is kept; try a lower learning rate.`,
    { details: { step, term } },
  );
}
