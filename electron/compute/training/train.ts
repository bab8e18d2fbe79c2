import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { partsAt, type TrainConfig, type TrainResult } from '../../../shared/domain/training.ts';
import { imageTensor } from '../attacks/base/batch.ts';
import type { NpzArrays } from '../arrays/npz.ts';
import type { Subject } from '../attacks/base/examples.ts';
import type { PackedDataset } from '../data/packed.ts';
import type { Pipeline } from '../data/pipeline.ts';
import type { JobContext } from '../jobs/control.ts';
import { createAdversary, type Adversary } from './adversary.ts';
import { inParts, trainingBatches } from './batches.ts';
import { dropCheckpoint, newestCheckpoint } from './checkpoint.ts';
import { readStartingWeights } from './starting-weights.ts';
import { createStepClock } from './clock.ts';
import { Keeper, type RunPlace } from './keeper.ts';
import { openMetrics, type Metrics } from './metrics.ts';
import { notesOn } from './check.ts';
import { finishRun } from './finish.ts';
import {
  culpritOf,
  diverged,
  drownedLately,
  heaviestTerm,
  trainingFailure,
  type Cutting,
  type Heaviest,
} from './faults.ts';
import { averageShare } from './optimizer.ts';
import { planTraining, type TrainingPlan } from './plan.ts';
import { epsilonShareAt, learningRateAt } from './schedule.ts';
import { channelStatistics, type ChannelStatistics } from '../data/statistics.ts';
import { disposeState, initialState, restoreState } from './state.ts';
import { isOut, standingOf } from './standing.ts';
import { createTrainStep, type BatchPart, type TrainState, type TrainStep } from './step.ts';
import { accuracyOf } from './validate.ts';

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
  /** The static models of ensemble training, in the order of `defence.members`; stay the caller's. */
  readonly members?: readonly Subject[];
}

/**
 * Trains a network to its end. In deterministic mode the numbers depend on configuration and data set alone, however
 * often the run was interrupted and resumed.
 * @throws AppError `invalid-input` for wrong settings; `non-finite` naming step, term and the last good checkpoint;
 *   `cancelled` with a checkpoint of the last step; `out-of-memory` with what helps; `conflict` if the checkpoint belongs
 *   to other settings; `library-full` and other errors of writing.
 */
export async function train(options: TrainingOptions): Promise<TrainResult> {
  const training = await Training.open(options);
  try {
    for (const note of notesOn(options.config.trainer, options.dataset)) options.onNote?.(note);
    await options.onStart?.(training.done);
    return await training.run();
  } catch (thrown) {
    throw trainingFailure(thrown, training.cutting);
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
  readonly #adversary: Adversary;
  readonly #batches: Pipeline;
  readonly #clock = createStepClock();
  readonly #place: RunPlace;
  readonly #keeper: Keeper;
  /** Steps done at the newest speed point. */
  #told: number;
  /** Examples since then. */
  #examples = 0;
  /** The newest loss term that drowned the others. */
  #heaviest: Heaviest | null = null;
  readonly #notes = new Set<string>();

  private constructor(options: TrainingOptions, plan: TrainingPlan, metrics: Metrics, state: TrainState, start: Start) {
    const { network, defence, optimizer } = plan;
    const { trainer, seed } = options.config;
    this.#options = options;
    this.#plan = plan;
    this.#metrics = metrics;
    this.#place = { state, done: start.step };
    this.#told = start.step;
    this.#step = createTrainStep({
      network,
      defence,
      optimizer,
      labelSmoothing: trainer.labelSmoothing,
      clipNorm: trainer.clipNorm,
      averaged: trainer.ema > 0,
    });
    const { members = [] } = options;
    const capacity = Math.min(trainer.batchSize, plan.order.examples);
    this.#adversary = createAdversary({ network, defence, seed, capacity, members, saved: start.defence });
    this.#keeper = new Keeper({
      ...options,
      plan,
      metrics,
      place: this.#place,
      clock: this.#clock,
      adversary: this.#adversary,
      start,
      tell: (note) => this.#tell(note),
    });
    this.#batches = trainingBatches(options.config, options.dataset, plan, start.step, options.batchThread);
  }

  /** Plans the run, and takes it up where its newest checkpoint left it. */
  static async open(options: TrainingOptions): Promise<Training> {
    const plan = planTraining(options.config, options.dataset);
    const { network, optimizer } = plan;
    const checkpoint = options.resume ? await newestCheckpoint(options.folder, plan.hashAt) : null;
    const start = checkpoint
      ? { ...checkpoint.meta, defence: checkpoint.defence }
      : { step: 0, seconds: 0, defence: {} };
    const averaged = options.config.trainer.ema > 0;
    const metrics = await openMetrics(options.folder, start.step);
    const state = checkpoint
      ? restoreState(network, optimizer, checkpoint, averaged)
      : initialState(
          network,
          optimizer,
          options.config.seed,
          () => trainingStatistics(options),
          await readStartingWeights(options.config, options.folder),
          averaged,
        );
    const training = new Training(options, plan, metrics, state, start);
    // What was the best later than here is of a stretch that counts no more; what was so here may not be written yet.
    if (checkpoint && standingOf(metrics.validations).best?.step === start.step) await training.#keeper.writeBest();
    return training;
  }

  /** Steps done so far, by earlier stretches too. */
  get done(): number {
    return this.#place.done;
  }

  /** How the batch of the step is cut, and what that does to its update. */
  get cutting(): Cutting {
    const { config } = this.#options;
    const { network, defence } = this.#plan;
    return {
      batchSize: config.trainer.batchSize,
      accumulation: partsAt(config, this.#place.done),
      smallest: defence.smallestBatch ?? 1,
      normalised: network.layers.some(({ kind }) => kind === 'norm'),
    };
  }

  /** All steps that are left, then the weights file. */
  async run(): Promise<TrainResult> {
    const { trainer } = this.#options.config;
    const { total } = this.#plan;
    for (;;) {
      await this.#clock.within('validation', () => this.#keeper.validateIfDue());
      const collapsed = await this.#clock.within('validation', () => this.#keeper.endsInCollapse());
      const over = collapsed || this.#place.done === total || isOut(trainer, standingOf(this.#metrics.validations));
      if (this.#place.done > 0 && (over || this.#place.done % trainer.checkpointEvery === 0)) await this.#keeper.save();
      this.#tellSpeed(over);
      if (over) return this.#finish();
      await this.#keeper.rest();
      await this.#advance();
    }
  }

  /** Writes the weights that the run keeps. */
  async #finish(): Promise<TrainResult> {
    const { folder, config } = this.#options;
    return finishRun({
      folder,
      file: join(folder, WEIGHTS_FILE),
      trainer: config.trainer,
      plan: this.#plan,
      metrics: this.#metrics,
      state: this.#place.state,
      steps: this.#place.done,
      seconds: this.#keeper.seconds(),
      measured: this.#keeper.measured,
    });
  }

  async dispose(): Promise<void> {
    await this.#batches.dispose();
    disposeState(this.#place.state);
    this.#step.dispose();
    this.#adversary.dispose();
    this.#keeper.dispose();
  }

  /** One training step. */
  async #advance(): Promise<void> {
    const { context, config, folder } = this.#options;
    const { order, optimizer, defence, total } = this.#plan;
    const clock = this.#clock;
    const started = clock.elapsed;
    const step = this.#place.done;
    const { trainer, rateCuts } = config;
    const learningRate = learningRateAt(trainer, step, total, rateCuts);
    const share = epsilonShareAt(trainer, step, total);
    const moment = { step, epoch: Math.floor(step / order.stepsPerEpoch), share };
    const batch = await clock.within('data', () => this.#batches.take(step));
    const { examples } = batch;
    const parts: BatchPart[] = [];
    let outcome: ReturnType<TrainStep['run']>;
    let unused: number | null;
    try {
      let from = 0;
      for (const part of inParts(batch, partsAt(config, step))) {
        const images = clock.withinSync('data', () => imageTensor(part.examples.images, examples.shape));
        const labels = tf.tensor1d(part.examples.labels, 'int32');
        const at = parts.push({ images, labels, adversarial: null }) - 1;
        const attacked = { ...part, images, from };
        const adversarial = await clock.within('attack', () =>
          this.#adversary.make(this.#place.state.weights, attacked, moment, () => this.#keeper.rest()),
        );
        parts[at] = { images, labels, adversarial };
        from += labels.size;
      }
      const numbers = {
        optimizer: optimizer.numbers(learningRate, step),
        progress: (step + 1) / total,
        averageShare: averageShare(trainer.ema, step),
      };
      outcome = clock.withinSync('update', () => this.#step.run(this.#place.state, parts, numbers));
      unused = clock.withinSync('report', () => this.#measureUnused(parts));
    } finally {
      tf.dispose(
        parts.flatMap(({ images, labels, adversarial }) => [images, labels, ...(adversarial ? [adversarial] : [])]),
      );
    }
    const { state } = outcome;
    this.#adversary.learn(outcome.ascent, moment);
    const report = clock.withinSync('report', outcome.report);
    batch.release();

    const culprit = culpritOf(report);
    if (culprit !== null) {
      disposeState(state);
      // The numbers went wrong with the weights before this step: a checkpoint of them is no place to go on from.
      throw diverged(step + 1, culprit, await dropCheckpoint(folder, step), drownedLately(this.#heaviest, step));
    }
    disposeState(this.#place.state);
    this.#place.state = state;
    this.#place.done = step + 1;
    this.#examples += examples.labels.length;
    this.#heaviest = heaviestTerm(this.#place.done, report.terms) ?? this.#heaviest;
    this.#tellNotes();
    const attack = defence.inner ?? defence.replay;
    this.#keeper.point({
      type: 'step',
      step: this.#place.done,
      epoch: this.#place.done / order.stepsPerEpoch,
      terms: report.terms,
      cleanAccuracy: report.cleanAccuracy ?? unused,
      adversarialAccuracy: attack ? report.adversarialAccuracy : null,
      learningRate,
      epsilon: attack ? attack.epsilon * share : null,
      gradientNorm: Math.sqrt(report.gradientSquares),
      rate: (1000 * examples.labels.length) / (clock.elapsed - started),
    });
    context.progress({
      done: this.#place.done,
      total,
      unit: 'steps',
      message: `Epoch ${Math.ceil(this.#place.done / order.stepsPerEpoch)} of ${trainer.epochs}`,
    });
  }

  /** Accuracy of the network before the step on clean images that the loss does not use; null in most steps. */
  #measureUnused(parts: readonly BatchPart[]): number | null {
    const { network, defence } = this.#plan;
    if (defence.halves !== 'adversarial' || (this.#place.done + 1) % MEASURE_UNUSED_EVERY !== 0) return null;
    return accuracyOf(network, this.#place.state.weights, parts);
  }

  #tellNotes(): void {
    const steps = this.#step.note ?? this.#adversary.note ?? this.#keeper.note;
    for (const note of [this.#batches.note, steps]) if (note !== null) this.#tell(note);
  }

  /** Each note once. */
  #tell(note: string): void {
    if (this.#notes.has(note)) return;
    this.#notes.add(note);
    this.#options.onNote?.(note);
  }

  /** Where the time went, about once a second and at the end. */
  #tellSpeed(over: boolean): void {
    const { order } = this.#plan;
    const step = this.#place.done;
    if (step === this.#told || (!over && this.#clock.sinceLap < SPEED_EVERY_MS)) return;
    const { numTensors, numBytes } = tf.memory();
    this.#keeper.point({
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
}

/** Of the images that the run trains on. */
function trainingStatistics({ config, dataset }: TrainingOptions): ChannelStatistics {
  return channelStatistics(dataset, dataset.positions('train').subarray(0, config.trainer.trainLimit ?? undefined));
}

type Start = { readonly step: number; readonly seconds: number; readonly defence: NpzArrays };
