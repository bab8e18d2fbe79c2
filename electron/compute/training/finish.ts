import { join } from 'node:path';
import type { TrainerSettings, TrainResult } from '../../../shared/domain/training.ts';
import { writeNpz } from '../arrays/npz.ts';
import { parameterCount } from '../models/network.ts';
import { saveWeights } from '../models/weights.ts';
import { BEST_CHECKPOINT, CHECKPOINTS, readCheckpoint, type CheckpointMeta } from './checkpoint.ts';
import type { Metrics } from './metrics.ts';
import type { TrainingPlan } from './plan.ts';
import { judged, standingOf, type Measured } from './standing.ts';
import type { TrainState } from './step.ts';

interface FinishedRun {
  readonly folder: string;
  /** Where the weights go. */
  readonly file: string;
  readonly trainer: TrainerSettings;
  readonly plan: TrainingPlan;
  readonly metrics: Metrics;
  readonly state: TrainState;
  /** Steps done. */
  readonly steps: number;
  readonly seconds: number;
  /** Of the state, where no validation of the metrics is of its step. */
  readonly measured: Measured | null;
}

/** Writes the weights that a run keeps, and says what is known of them. @throws AppError as {@link writeNpz} does. */
export async function finishRun(run: FinishedRun): Promise<TrainResult> {
  const { folder, file, plan, metrics, state, steps, seconds } = run;
  const { network, order, total } = plan;
  const { keep, ema } = run.trainer;
  const { best } = standingOf(metrics.validations);
  const last = metrics.validations.find((point) => point.step === steps) ?? run.measured;
  let kept: CheckpointMeta | null = null;
  if (keep === 'best') {
    const { meta, weights, average } = await readCheckpoint(join(folder, CHECKPOINTS, BEST_CHECKPOINT));
    await writeNpz(file, ema > 0 ? average : weights);
    kept = meta;
  } else {
    await saveWeights(network, keep === 'ema' ? (state.average ?? {}) : state.weights, file);
  }
  // After a way back the best weights may be of a stretch that counts no more: they keep their own step and number.
  const ofBest =
    kept && kept.step !== best?.step ? { cleanAccuracy: null, adversarialAccuracy: kept.best } : best && judged(best);
  const measured = { last, best: ofBest, ema: last?.ema ?? null }[keep];
  const collapse = metrics.probes.find(({ collapsed }) => collapsed);
  return {
    steps,
    epochs: steps / order.stepsPerEpoch,
    seconds,
    cleanAccuracy: measured?.cleanAccuracy ?? null,
    adversarialAccuracy: measured?.adversarialAccuracy ?? null,
    parameters: parameterCount(network),
    kept: { weights: keep, step: kept?.step ?? steps },
    best: best && { step: best.step, adversarialAccuracy: judged(best).adversarialAccuracy },
    stoppedEarly: steps < total,
    ...(collapse && { collapsedAt: collapse.step }),
  };
}
