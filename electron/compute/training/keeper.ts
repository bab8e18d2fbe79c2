import { join } from 'node:path';
import type { TrainPoint } from '../../../shared/domain/train-point.ts';
import type { TrainConfig } from '../../../shared/domain/training.ts';
import type { PackedDataset } from '../data/packed.ts';
import type { JobContext } from '../jobs/control.ts';
import type { Adversary } from './adversary.ts';
import {
  BEST_CHECKPOINT,
  checkpointName,
  CHECKPOINTS,
  dropCheckpointsAfter,
  GOOD_CHECKPOINT,
  pruneCheckpoints,
  readCheckpoint,
  writeCheckpoint,
} from './checkpoint.ts';
import type { StepClock } from './clock.ts';
import { halvesUsed } from './gradient.ts';
import { collapseNote, createGuard, hasCollapsed, type Guard, type Probe } from './guard.ts';
import { imagesAtOnce } from './memory.ts';
import type { Metrics } from './metrics.ts';
import type { TrainingPlan } from './plan.ts';
import { epsilonShareAt } from './schedule.ts';
import { judged, standingOf, type Measured } from './standing.ts';
import { disposeState, restoreState, saveState } from './state.ts';
import type { TrainState } from './step.ts';
import { createValidator, type Validator } from './validate.ts';

/** Where a run is: its steps bring it on, the way back after a collapse takes it back. */
export interface RunPlace {
  state: TrainState;
  /** Steps done. */
  done: number;
}

interface KeptRun {
  readonly config: TrainConfig;
  readonly dataset: PackedDataset;
  readonly folder: string;
  readonly context: JobContext;
  readonly plan: TrainingPlan;
  readonly metrics: Metrics;
  readonly place: RunPlace;
  readonly clock: StepClock;
  readonly adversary: Adversary;
  /** Where earlier stretches left the run. */
  readonly start: { readonly step: number; readonly seconds: number };
  /** Tells a person something, once. */
  readonly tell: (note: string) => void;
}

/** Measures a run on held-out images, looks for a collapse, and keeps its state in checkpoints. */
export class Keeper {
  readonly #run: KeptRun;
  readonly #validator: Validator;
  readonly #guard: Guard | null;
  /** Steps done at the newest checkpoint; −1 if there is none. */
  #saved: number;
  #measured: Measured | null = null;

  constructor(run: KeptRun) {
    const { config, dataset, plan, start } = run;
    const { network, defence } = plan;
    const { epsilon, inner, guard } = defence;
    const steps = config.trainer.validationSteps;
    const attack = { epsilon, steps, stepSize: (2.5 * epsilon) / steps, randomStart: true };
    this.#run = run;
    // No more images at once than a training step has, so that whoever runs out of memory can make that smaller.
    const atOnce = imagesAtOnce(config, halvesUsed(defence).length, start.step);
    this.#validator = createValidator(network, dataset, attack, config.seed, atOnce);
    this.#guard = inner && guard ? createGuard(network, dataset, inner, guard, config.seed, atOnce) : null;
    this.#saved = start.step > 0 ? start.step : -1;
  }

  /** Accuracies of the weights that a run ended with where no validation of its metrics is of them. */
  get measured(): Measured | null {
    return this.#measured;
  }

  /** Why a step runs operation by operation where it could be a graph; null if there is nothing to say. */
  get note(): string | null {
    return this.#validator.note;
  }

  /** Seconds of the run so far, in earlier stretches too; pauses do not count. */
  seconds(): number {
    const { start, clock } = this.#run;
    return start.seconds + clock.elapsed / 1000;
  }

  async validateIfDue(): Promise<void> {
    const { plan, place, metrics } = this.#run;
    const { validateEvery, total, order } = plan;
    const step = place.done;
    const due = step > 0 && (step % validateEvery === 0 || step === total);
    if (!due || metrics.validations.at(-1)?.step === step) return;
    const measured = await this.#measure();
    if (!measured) return;
    this.point({ type: 'validation', step, epoch: step / order.stepsPerEpoch, ...measured });
    if (standingOf(metrics.validations).best?.step !== step) return;
    // In this order, so that a run that is killed in between finds out that the best is not written yet.
    await this.save();
    await this.writeBest();
  }

  /**
   * Looks for catastrophic overfitting where the defence asks for it; if the network has collapsed, goes back to the
   * weights of the last probe that found it in good health, and measures them.
   * @returns whether the run ends here
   */
  async endsInCollapse(): Promise<boolean> {
    const guard = this.#guard;
    const { config, plan, place, metrics } = this.#run;
    const { defence, total, order } = plan;
    const step = place.done;
    const every = defence.guard?.every ?? total;
    const full = step > 0 && epsilonShareAt(config.trainer, step - 1, total) === 1;
    if (!guard || !full || (step % every !== 0 && step !== total)) return false;
    const earlier = metrics.probes.filter((probe) => probe.step < step);
    const isSuspect = (at: number): boolean => {
      const found = earlier[at];
      return found !== undefined && hasCollapsed(earlier.slice(0, at), found, guard.chance);
    };
    const noted = metrics.probes.find((probe) => probe.step === step);
    // A process that was killed in between has noted the probe, and no more.
    const probe = noted ?? (await guard.probe(place.state.weights, { checkpoint: () => this.rest() }));
    if (!probe) {
      this.#run.tell('Nobody watches for a collapse of the single-step training: the data set has no held-out part.');
      return false;
    }
    const suspect = hasCollapsed(earlier, probe, guard.chance);
    // Accuracy under PGD may fall for a few steps and come back: once is chance, unless nothing comes after it.
    const collapsed = noted?.collapsed ?? (suspect && (step === total || isSuspect(earlier.length - 1)));
    if (!noted) this.point({ type: 'probe', step, epoch: step / order.stepsPerEpoch, ...probe, collapsed });
    if (collapsed) await this.#end(earlier.findLast((_, at) => !isSuspect(at)) ?? probe, probe);
    else if (!suspect) await this.#write(GOOD_CHECKPOINT);
    return collapsed;
  }

  /** Ends a run that collapsed, in good health where it can. */
  async #end(before: Probe, now: Probe): Promise<void> {
    const { place, metrics, tell } = this.#run;
    const step = place.done;
    await this.#goBack();
    const known = metrics.validations.some((point) => point.step === place.done);
    if (!known) this.#measured = await this.#measure();
    tell(collapseNote(step, before, now, place.done));
  }

  /** To the newest checkpoint of good health; where none can be read, the run stays where it is. */
  async #goBack(): Promise<void> {
    const { config, folder, plan, place } = this.#run;
    const { network, optimizer, hashAt } = plan;
    const good = await readCheckpoint(join(folder, CHECKPOINTS, GOOD_CHECKPOINT)).catch(() => null);
    if (!good || good.meta.step > place.done || good.meta.config !== hashAt(good.meta.step)) return;
    const state = restoreState(network, optimizer, good, config.trainer.ema > 0);
    disposeState(place.state);
    place.state = state;
    place.done = good.meta.step;
    this.#saved = -1;
    await dropCheckpointsAfter(folder, place.done);
  }

  /** On the held-out part; null if the data set has none. */
  async #measure(): Promise<(Measured & { readonly examples: number }) | null> {
    const { weights, average } = this.#run.place.state;
    const control = { checkpoint: () => this.rest() };
    const measured = await this.#validator.run(weights, control);
    const averaged = measured && average && (await this.#validator.run(average, control));
    if (!averaged) return measured;
    const { cleanAccuracy, adversarialAccuracy } = averaged;
    return { ...measured, ema: { cleanAccuracy, adversarialAccuracy } };
  }

  async writeBest(): Promise<void> {
    await this.#write(BEST_CHECKPOINT);
  }

  /** Writes a numbered checkpoint, unless that of this step is there. */
  async save(): Promise<void> {
    const { context, folder, place } = this.#run;
    if (this.#saved === place.done) return;
    const file = await this.#write(checkpointName(place.done));
    this.#saved = place.done;
    await pruneCheckpoints(folder);
    context.emit({ type: 'checkpoint', step: place.done, file });
  }

  async #write(name: string): Promise<string> {
    const { folder, plan, metrics, place, clock, adversary } = this.#run;
    const { network, optimizer, hashAt } = plan;
    const { best } = standingOf(metrics.validations);
    return clock.within('checkpoint', async () =>
      writeCheckpoint(folder, name, {
        meta: {
          format: 1,
          step: place.done,
          config: hashAt(place.done),
          seconds: this.seconds(),
          best: best && judged(best).adversarialAccuracy,
        },
        ...(await saveState(network, optimizer, place.state)),
        defence: await adversary.save(),
      }),
    );
  }

  point(point: TrainPoint): void {
    this.#run.metrics.append(point);
    this.#run.context.emit({ type: 'point', point });
  }

  /** Lets others have a turn; what was done of a step or a validation is lost if the training ends here. */
  async rest(): Promise<void> {
    await this.#run.clock.within('pause', () => this.#run.context.checkpoint(() => this.save()));
  }

  dispose(): void {
    this.#guard?.dispose();
    this.#validator.dispose();
  }
}
