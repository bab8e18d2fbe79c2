import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { TrainConfig, TrainPoint, TrainResult } from '../../../shared/domain/training.ts';
import { imageTensor } from '../attacks/base/batch.ts';
import type { NpzArrays } from '../arrays/npz.ts';
import type { Subject } from '../attacks/base/examples.ts';
import type { PackedDataset } from '../data/packed.ts';
import type { Pipeline } from '../data/pipeline.ts';
import type { JobContext } from '../jobs/control.ts';
import { createAdversary, type Adversary } from './adversary.ts';
import { inParts, trainingBatches } from './batches.ts';
import {
  BEST_CHECKPOINT,
  checkpointName,
  CHECKPOINTS,
  dropCheckpoint,
  dropCheckpointsAfter,
  GOOD_CHECKPOINT,
  newestCheckpoint,
  pruneCheckpoints,
  readCheckpoint,
  writeCheckpoint,
} from './checkpoint.ts';
import { readStartingWeights } from './starting-weights.ts';
import { createStepClock } from './clock.ts';
import { collapseNote, createGuard, hasCollapsed, type Guard } from './guard.ts';
import { openMetrics, type Metrics } from './metrics.ts';
import { notesOn } from './check.ts';
import { finishRun } from './finish.ts';
import { culpritOf, diverged, drownedLately, heaviestTerm, trainingFailure, type Heaviest } from './faults.ts';
import { averageShare } from './optimizer.ts';
import { planTraining, type TrainingPlan } from './plan.ts';
import { epsilonShareAt, learningRateAt } from './schedule.ts';
import { channelStatistics, type ChannelStatistics } from '../data/statistics.ts';
import { disposeState, initialState, restoreState, saveState } from './state.ts';
import { isOut, judged, standingOf } from './standing.ts';
import { createTrainStep, type BatchPart, type TrainState, type TrainStep } from './step.ts';
import { accuracyOf, createValidator, type Validator } from './validate.ts';

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
    throw trainingFailure(thrown, options.config.trainer);
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
  readonly #guard: Guard | null;
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
  /** The newest loss term that drowned the others. */
  #heaviest: Heaviest | null = null;
  readonly #secondsBefore: number;
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
    const { epsilon, inner, guard } = defence;
    this.#guard = inner && guard ? createGuard(network, options.dataset, inner, guard, seed) : null;
    const steps = trainer.validationSteps;
    const attack = { epsilon, steps, stepSize: (2.5 * epsilon) / steps, randomStart: true };
    this.#validator = createValidator(network, options.dataset, attack, seed);
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
    if (checkpoint && standingOf(metrics.validations).best?.step === start.step) await training.#writeBest();
    return training;
  }

  /** Steps done so far, by earlier stretches too. */
  get done(): number {
    return this.#done;
  }

  /** All steps that are left, then the weights file. */
  async run(): Promise<TrainResult> {
    const { trainer } = this.#options.config;
    const { total } = this.#plan;
    for (;;) {
      await this.#clock.within('validation', () => this.#validateIfDue());
      const collapsed = await this.#clock.within('validation', () => this.#collapseIfDue());
      const over = collapsed || this.#done === total || isOut(trainer, standingOf(this.#metrics.validations));
      if (this.#done > 0 && (over || this.#done % trainer.checkpointEvery === 0)) await this.#save();
      this.#tellSpeed(over);
      if (over) return this.#finish();
      await this.#rest();
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
      state: this.#state,
      steps: this.#done,
      seconds: this.#seconds(),
    });
  }

  async dispose(): Promise<void> {
    await this.#batches.dispose();
    disposeState(this.#state);
    this.#step.dispose();
    this.#adversary.dispose();
    this.#guard?.dispose();
    this.#validator.dispose();
  }

  /** One training step. */
  async #advance(): Promise<void> {
    const { context, config, folder } = this.#options;
    const { order, optimizer, defence, total } = this.#plan;
    const clock = this.#clock;
    const started = clock.elapsed;
    const step = this.#done;
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
      for (const part of inParts(batch, trainer.accumulation)) {
        const images = clock.withinSync('data', () => imageTensor(part.examples.images, examples.shape));
        const labels = tf.tensor1d(part.examples.labels, 'int32');
        const at = parts.push({ images, labels, adversarial: null }) - 1;
        const attacked = { ...part, images, from };
        const adversarial = await clock.within('attack', () =>
          this.#adversary.make(this.#state.weights, attacked, moment, () => this.#rest()),
        );
        parts[at] = { images, labels, adversarial };
        from += labels.size;
      }
      const numbers = {
        optimizer: optimizer.numbers(learningRate, step),
        progress: (step + 1) / total,
        averageShare: averageShare(trainer.ema, step),
      };
      outcome = clock.withinSync('update', () => this.#step.run(this.#state, parts, numbers));
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
    disposeState(this.#state);
    this.#state = state;
    this.#done = step + 1;
    this.#examples += examples.labels.length;
    this.#heaviest = heaviestTerm(this.#done, report.terms) ?? this.#heaviest;
    this.#tellNotes();
    const attack = defence.inner ?? defence.replay;
    this.#point({
      type: 'step',
      step: this.#done,
      epoch: this.#done / order.stepsPerEpoch,
      terms: report.terms,
      cleanAccuracy: report.cleanAccuracy ?? unused,
      adversarialAccuracy: attack ? report.adversarialAccuracy : null,
      learningRate,
      epsilon: attack ? attack.epsilon * share : null,
      gradientNorm: Math.sqrt(report.gradientSquares),
      rate: (1000 * examples.labels.length) / (clock.elapsed - started),
    });
    context.progress({
      done: this.#done,
      total,
      unit: 'steps',
      message: `Epoch ${Math.ceil(this.#done / order.stepsPerEpoch)} of ${trainer.epochs}`,
    });
  }

  /** Accuracy of the network before the step on clean images that the loss does not use; null in most steps. */
  #measureUnused(parts: readonly BatchPart[]): number | null {
    const { network, defence } = this.#plan;
    if (defence.halves !== 'adversarial' || (this.#done + 1) % MEASURE_UNUSED_EVERY !== 0) return null;
    return accuracyOf(network, this.#state.weights, parts);
  }

  #tellNotes(): void {
    const steps = this.#step.note ?? this.#adversary.note ?? this.#validator.note;
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
    const step = this.#done;
    if (step === this.#told || (!over && this.#clock.sinceLap < SPEED_EVERY_MS)) return;
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
    const { validateEvery, total, order } = this.#plan;
    const step = this.#done;
    const due = step > 0 && (step % validateEvery === 0 || step === total);
    if (!due || this.#metrics.validations.at(-1)?.step === step) return;
    const { weights, average } = this.#state;
    const control = { checkpoint: () => this.#rest() };
    const measured = await this.#validator.run(weights, control);
    if (!measured) return;
    const averaged = average && (await this.#validator.run(average, control));
    this.#point({
      type: 'validation',
      step,
      epoch: step / order.stepsPerEpoch,
      ...measured,
      ...(averaged && {
        ema: { cleanAccuracy: averaged.cleanAccuracy, adversarialAccuracy: averaged.adversarialAccuracy },
      }),
    });
    if (standingOf(this.#metrics.validations).best?.step !== step) return;
    // In this order, so that a run that is killed in between finds out that the best is not written yet.
    await this.#save();
    await this.#writeBest();
  }

  /**
   * Looks for catastrophic overfitting where the defence asks for it; if the network has collapsed, goes back to the
   * weights of the last probe that found it in good health.
   */
  async #collapseIfDue(): Promise<boolean> {
    const guard = this.#guard;
    const { defence, total, order } = this.#plan;
    const { config, folder } = this.#options;
    const step = this.#done;
    const every = defence.guard?.every ?? total;
    const full = step > 0 && epsilonShareAt(config.trainer, step - 1, total) === 1;
    if (!guard || !full || (step % every !== 0 && step !== total)) return false;
    const earlier = this.#metrics.probes;
    const before = earlier.at(-1);
    if (before?.step === step) {
      // A process that was killed in between has noted the probe, and no more.
      await (before.collapsed ? this.#goBack() : this.#write(folder, GOOD_CHECKPOINT));
      return before.collapsed;
    }
    const probe = await guard.probe(this.#state.weights, { checkpoint: () => this.#rest() });
    if (!probe) {
      this.#tell('Nobody watches for a collapse of the single-step training: the data set has no held-out part.');
      return false;
    }
    const collapsed = hasCollapsed(earlier, probe, guard.chance);
    this.#point({ type: 'probe', step, epoch: step / order.stepsPerEpoch, ...probe, collapsed });
    if (!collapsed) {
      await this.#write(folder, GOOD_CHECKPOINT);
      return false;
    }
    await this.#goBack();
    this.#tell(collapseNote(step, before ?? probe, probe, this.#done));
    return true;
  }

  /** To the newest checkpoint of good health; where none can be read, the run stays where it is. */
  async #goBack(): Promise<void> {
    const { folder, config } = this.#options;
    const { network, optimizer, hashAt } = this.#plan;
    const good = await readCheckpoint(join(folder, CHECKPOINTS, GOOD_CHECKPOINT)).catch(() => null);
    if (!good || good.meta.step > this.#done || good.meta.config !== hashAt(good.meta.step)) return;
    const state = restoreState(network, optimizer, good, config.trainer.ema > 0);
    disposeState(this.#state);
    this.#state = state;
    this.#done = good.meta.step;
    this.#saved = -1;
    await dropCheckpointsAfter(folder, this.#done);
  }

  async #writeBest(): Promise<void> {
    await this.#write(this.#options.folder, BEST_CHECKPOINT);
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
    const { network, optimizer, hashAt } = this.#plan;
    const { best } = standingOf(this.#metrics.validations);
    return this.#clock.within('checkpoint', async () =>
      writeCheckpoint(folder, name, {
        meta: {
          format: 1,
          step: this.#done,
          config: hashAt(this.#done),
          seconds: this.#seconds(),
          best: best && judged(best).adversarialAccuracy,
        },
        ...(await saveState(network, optimizer, this.#state)),
        defence: await this.#adversary.save(),
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

type Start = { readonly step: number; readonly seconds: number; readonly defence: NpzArrays };
