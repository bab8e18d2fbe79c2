import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { AppError } from '../../../shared/domain/errors.ts';
import type { TrainConfig, TrainPoint, TrainResult } from '../../../shared/domain/training.ts';
import { imageTensor } from '../attacks/batch.ts';
import type { PackedDataset } from '../data/packed.ts';
import type { ConfiguredDefence } from '../defences/defence.ts';
import { findDefence } from '../defences/registry.ts';
import { readExamples } from '../data/examples.ts';
import type { JobContext } from '../jobs/control.ts';
import { buildNetwork, parameterCount, type Network } from '../models/network.ts';
import { saveWeights } from '../models/weights.ts';
import {
  BEST_CHECKPOINT,
  checkpointName,
  configHash,
  newestCheckpoint,
  pruneCheckpoints,
  writeCheckpoint,
} from './checkpoint.ts';
import { createInnerAttacker, type InnerAttacker } from './inner-attack.ts';
import { openMetrics, type Metrics } from './metrics.ts';
import { optimizerOf, type Optimizer } from './optimizer.ts';
import { trainOrder, type TrainOrder } from './order.ts';
import { epsilonShareAt, learningRateAt } from './schedule.ts';
import { disposeState, initialState, restoreState, saveState } from './state.ts';
import { createTrainStep, type StepReport, type TrainState, type TrainStep } from './step.ts';
import { createValidator, type Validator } from './validate.ts';

/** The trained weights, beside the run's checkpoints once the training is over. */
export const WEIGHTS_FILE = 'weights.npz';

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
  /** Told once if steps run operation by operation where they could run as one graph: why. */
  readonly onNote?: (note: string) => void;
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
    training.dispose();
  }
}

/** What decides a run's numbers, worked out from its configuration. */
interface Plan {
  readonly network: Network;
  readonly defence: ConfiguredDefence;
  readonly order: TrainOrder;
  readonly optimizer: Optimizer;
  /** Steps of the whole run. */
  readonly total: number;
  readonly validateEvery: number;
  readonly hash: string;
}

function planTraining({ config, dataset }: TrainingOptions): Plan {
  const { manifest } = dataset;
  const { trainer } = config;
  const defence = findDefence(config.defence).configure(config.defenceSettings);
  const positions = dataset.positions('train').subarray(0, trainer.trainLimit ?? undefined);
  if (positions.length === 0) {
    throw new AppError('invalid-input', `The data set ${manifest.name} has no training images.`);
  }
  const order = trainOrder(positions, trainer.batchSize, config.seed);
  return {
    network: buildNetwork(config.architecture, manifest.shape, manifest.classes.length),
    defence,
    order,
    optimizer: optimizerOf(trainer),
    total: trainer.epochs * order.stepsPerEpoch,
    validateEvery: Math.max(1, Math.round(trainer.validationEvery * order.stepsPerEpoch)),
    hash: configHash(config, defence.settings, manifest.hash),
  };
}

/** One run between its first and its last step. */
class Training {
  readonly #options: TrainingOptions;
  readonly #plan: Plan;
  readonly #metrics: Metrics;
  readonly #step: TrainStep;
  readonly #attacker: InnerAttacker | null;
  readonly #validator: Validator;
  #state: TrainState;
  /** Steps done. */
  #done: number;
  /** Steps done at the newest checkpoint; −1 if there is none. */
  #saved: number;
  #seconds: number;
  #best: number | null;
  #noted = false;
  /** Milliseconds of pauses within steps and validations. */
  #rested = 0;

  private constructor(options: TrainingOptions, plan: Plan, metrics: Metrics, state: TrainState, start: Start) {
    const { network, defence, optimizer } = plan;
    const { trainer, seed } = options.config;
    this.#options = options;
    this.#plan = plan;
    this.#metrics = metrics;
    this.#state = state;
    this.#done = start.step;
    this.#saved = start.step > 0 ? start.step : -1;
    this.#seconds = start.seconds;
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
  }

  /** Plans the run, and takes it up where its newest checkpoint left it. */
  static async open(options: TrainingOptions): Promise<Training> {
    const plan = planTraining(options);
    const { network, optimizer } = plan;
    const checkpoint = options.resume ? await newestCheckpoint(options.folder, plan.hash) : null;
    const start = checkpoint?.meta ?? { step: 0, seconds: 0, best: null };
    const metrics = await openMetrics(options.folder, start.step);
    const state = checkpoint
      ? restoreState(network, optimizer, checkpoint)
      : initialState(network, optimizer, options.config.seed);
    return new Training(options, plan, metrics, state, start);
  }

  /** Steps done so far, by earlier stretches too. */
  get done(): number {
    return this.#done;
  }

  /** All steps that are left, then the weights file. */
  async run(): Promise<TrainResult> {
    const { context, folder, config } = this.#options;
    const { network, order, total } = this.#plan;
    for (;;) {
      await this.#timed(() => this.#validateIfDue());
      const due = this.#done % config.trainer.checkpointEvery === 0 || this.#done === total;
      if (this.#done > 0 && due) await this.#save();
      if (this.#done === total) break;
      await context.checkpoint(() => this.#save());
      await this.#timed(() => this.#advance());
    }
    await saveWeights(network, this.#state.weights, join(folder, WEIGHTS_FILE));
    const last = this.#metrics.lastValidation();
    return {
      steps: total,
      epochs: total / order.stepsPerEpoch,
      seconds: this.#seconds,
      cleanAccuracy: last?.cleanAccuracy ?? null,
      adversarialAccuracy: last?.adversarialAccuracy ?? null,
      parameters: parameterCount(network),
    };
  }

  dispose(): void {
    disposeState(this.#state);
    this.#step.dispose();
    this.#attacker?.dispose();
    this.#validator.dispose();
  }

  /** One training step. */
  async #advance(): Promise<void> {
    const { context, config, dataset } = this.#options;
    const { order, optimizer, defence, total } = this.#plan;
    const started = performance.now();
    const rested = this.#rested;
    const step = this.#done;
    const { trainer } = config;
    const learningRate = learningRateAt(trainer, step, total);
    const share = epsilonShareAt(trainer.epsilonWarmup, step, total);
    const examples = readExamples(dataset, order.at(step));
    const images = imageTensor(examples.images, examples.shape);
    const labels = tf.tensor1d(examples.labels, 'int32');
    const epoch = Math.floor(step / order.stepsPerEpoch);
    const numbers = optimizer.numbers(learningRate, step);
    let adversarial: tf.Tensor4D | null = null;
    let outcome: ReturnType<TrainStep['run']>;
    try {
      const { weights } = this.#state;
      adversarial = (await this.#attacker?.run(weights, examples, share, epoch, () => this.#rest())) ?? null;
      outcome = this.#step.run(this.#state, images, adversarial, labels, numbers);
    } finally {
      tf.dispose(adversarial ? [images, labels, adversarial] : [images, labels]);
    }
    const { state, report } = outcome;

    const culprit = nonFiniteTerm(report);
    if (culprit !== null) {
      disposeState(state);
      await this.#save();
      throw nonFinite(step + 1, culprit);
    }
    disposeState(this.#state);
    this.#state = state;
    this.#done = step + 1;
    this.#tellNotes();
    this.#point({
      type: 'step',
      step: this.#done,
      epoch: this.#done / order.stepsPerEpoch,
      terms: report.terms,
      cleanAccuracy: report.cleanAccuracy,
      adversarialAccuracy: defence.inner ? report.adversarialAccuracy : null,
      learningRate,
      epsilon: defence.inner ? defence.inner.epsilon * share : null,
      rate: (1000 * examples.labels.length) / (performance.now() - started - (this.#rested - rested)),
    });
    context.progress({
      done: this.#done,
      total,
      unit: 'steps',
      message: `Epoch ${Math.ceil(this.#done / order.stepsPerEpoch)} of ${trainer.epochs}`,
    });
  }

  #tellNotes(): void {
    const note = this.#step.note ?? this.#attacker?.note ?? null;
    if (note === null || this.#noted) return;
    this.#noted = true;
    this.#options.onNote?.(note);
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
    return writeCheckpoint(folder, name, {
      meta: { format: 1, step: this.#done, config: hash, seconds: this.#seconds, best: this.#best },
      ...(await saveState(network, optimizer, this.#state)),
    });
  }

  #point(point: TrainPoint): void {
    this.#metrics.append(point);
    this.#options.context.emit({ type: 'point', point });
  }

  /** Lets others have a turn within a step or a validation; what was done of it is lost if it ends here. */
  async #rest(): Promise<void> {
    const started = performance.now();
    await this.#options.context.checkpoint(() => this.#save());
    this.#rested += performance.now() - started;
  }

  /** Counts the time of `work` as time of the run; pauses between and within do not count. */
  async #timed(work: () => Promise<void>): Promise<void> {
    const started = performance.now();
    const rested = this.#rested;
    await work();
    this.#seconds += (performance.now() - started - (this.#rested - rested)) / 1000;
  }
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
