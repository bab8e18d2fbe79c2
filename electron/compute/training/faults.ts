import { AppError } from '../../../shared/domain/errors.ts';
import type { TrainerSettings } from '../../../shared/domain/training.ts';
import { jobFailure } from '../engines/failure.ts';
import type { StepReport } from './step.ts';

/** A loss that has come this far does not come back: cross-entropies are tens at most. */
const DIVERGED = 1e6;

/** What ended a training, as far as its numbers say. */
export interface Culprit {
  /** Name of the first loss term that is too large or no number; `gradient` where the gradient is no number. */
  readonly term: string;
  readonly value: number;
}

/** null while all is well. */
export function culpritOf(report: StepReport): Culprit | null {
  const bad = (value: number): boolean => !(Math.abs(value) <= DIVERGED);
  const found = Object.entries(report.terms).find(([, value]) => bad(value));
  if (found) return { term: found[0], value: found[1] };
  const { gradientSquares } = report;
  return Number.isFinite(gradientSquares) ? null : { term: 'gradient', value: gradientSquares };
}

/**
 * @param step the step that failed, from 1
 * @param checkpoint step of the newest good checkpoint; null if there is none
 */
export function diverged(step: number, { term, value }: Culprit, checkpoint: number | null): AppError {
  const what = term === 'gradient' ? 'the gradient' : `the loss term “${term}”`;
  const how = Number.isFinite(value) ? `has grown to ${value.toPrecision(2)}` : 'is not a finite number any more';
  const next =
    checkpoint === null
      ? 'There is no checkpoint before it: begin again with a lower learning rate, or clip the gradient.'
      : `The checkpoint of step ${checkpoint} is kept: go on from it with a lower learning rate.`;
  return new AppError('non-finite', `Training stopped at step ${step}: ${what} ${how}. ${next}`, {
    details: { step, term, checkpoint: checkpoint ?? 0 },
  });
}

/** What a training threw; where memory was missing, with what helps. */
export function trainingFailure(thrown: unknown, { batchSize, accumulation }: TrainerSettings): AppError {
  const error = jobFailure(thrown);
  if (error.code !== 'out-of-memory') return error;
  const parts = Math.min(batchSize, 2 * accumulation);
  const advice =
    parts > accumulation
      ? `Go on with ${parts} micro-batches a step (${Math.ceil(batchSize / parts)} examples at once): the update stays the same. Or choose a smaller batch.`
      : 'Its batches are single examples already: choose a smaller architecture or smaller images.';
  return new AppError('out-of-memory', `${error.message} ${advice}`, {
    cause: error,
    details: { ...error.details, accumulation: parts },
    retry: error.retry,
  });
}
