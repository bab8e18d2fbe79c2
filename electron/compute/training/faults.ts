import { AppError } from '../../../shared/domain/errors.ts';
import { jobFailure } from '../engines/failure.ts';
import type { StepReport } from './step.ts';

/** A loss that has come this far does not come back: cross-entropies are tens at most. */
const DIVERGED = 1e6;

/** What ended a training, as far as its numbers say. */
interface Culprit {
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
 * @param heaviest name of a term that drowned the others shortly before
 */
export function diverged(
  step: number,
  { term, value }: Culprit,
  checkpoint: number | null,
  heaviest: string | null = null,
): AppError {
  const what = term === 'gradient' ? 'the gradient' : `the loss term “${term}”`;
  const how = Number.isFinite(value) ? `has grown to ${value.toPrecision(2)}` : 'is not a finite number any more';
  const next =
    checkpoint === null
      ? 'There is no checkpoint before it: begin again with a lower learning rate, or clip the gradient.'
      : `The checkpoint of step ${checkpoint} is kept: go on from it with a lower learning rate.`;
  const weight =
    heaviest === null ? '' : ` Before, “${heaviest}” was nearly all of the loss: its weight may be too large.`;
  return new AppError('non-finite', `Training stopped at step ${step}: ${what} ${how}.${weight} ${next}`, {
    details: { step, term, checkpoint: checkpoint ?? 0, heaviest },
  });
}

/** So large a share of the loss drowns its other terms. */
const DROWNS = 0.9;

/** Steps for which such a term is worth a word. */
const LATELY = 10;

/** A term that drowned the others in a step. */
export interface Heaviest {
  readonly term: string;
  /** From 1. */
  readonly step: number;
}

/** The loss that other terms are added to: where it is nearly all, they are small. */
const UNWEIGHTED: readonly string[] = ['clean', 'adversarial'];

/** null if no term with a weight of its own drowns the others, or if there are no others. */
export function heaviestTerm(step: number, { total, ...terms }: StepReport['terms']): Heaviest | null {
  const names = Object.keys(terms);
  if (names.length < 2 || total === undefined) return null;
  const term = names.find((name) => !UNWEIGHTED.includes(name) && (terms[name] ?? 0) > DROWNS * total);
  return term === undefined ? null : { term, step };
}

/** Its name if it was one of the last steps. @param step steps done */
export function drownedLately(heaviest: Heaviest | null, step: number): string | null {
  return heaviest !== null && step - heaviest.step < LATELY ? heaviest.term : null;
}

/** How a training's batches are cut into parts, and what of a step sees a part by itself. */
export interface Cutting {
  readonly batchSize: number;
  /** Parts of a batch. */
  readonly accumulation: number;
  /** Examples that the loss needs at once: where it pairs images with each other, it does so within a part. */
  readonly smallest: number;
  /** Whether the network has batch normalisation, which sees each part by itself. */
  readonly normalised: boolean;
}

/** What a training threw; where memory was missing, with what helps. */
export function trainingFailure(thrown: unknown, cutting: Cutting): AppError {
  const error = jobFailure(thrown);
  if (error.code !== 'out-of-memory') return error;
  const { batchSize, accumulation, smallest } = cutting;
  const parts = Math.min(Math.floor(batchSize / smallest), 2 * accumulation);
  const advice =
    parts > accumulation
      ? `Go on with ${parts} micro-batches a step (${Math.ceil(batchSize / parts)} examples at once): ${effectOn(cutting)} Or choose a smaller batch.`
      : `Its batches are ${smallest === 1 ? 'single examples' : `as small as the loss allows (${smallest} examples)`} already: choose a smaller architecture or smaller images.`;
  return new AppError('out-of-memory', `${error.message} ${advice}`, {
    cause: error,
    details: { ...error.details, accumulation: Math.max(parts, accumulation) },
    retry: error.retry,
  });
}

/** What smaller parts do to the update. */
function effectOn({ smallest, normalised }: Cutting): string {
  const changed = [
    ...(normalised ? ['batch normalisation sees each part by itself'] : []),
    ...(smallest > 1 ? ['images are paired within a part only'] : []),
  ];
  if (changed.length === 0) return 'the update stays the same.';
  return `${changed.join(', and ')}, so that from there on the training is not quite that of whole batches.`;
}
