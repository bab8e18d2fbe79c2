import type { ReadingHint } from '../../../shared/domain/model.ts';

/** What a person says of how a model takes its pixels; what is left open is found out by trying. */
export interface ReadingForm {
  layout: 'any' | 'nhwc' | 'nchw';
  range: 'any' | 'unit' | 'bytes' | 'signed';
  /** Numbers of each channel as typed, with commas between them; empty: not normalised, or not known. */
  mean: string;
  deviation: string;
  output: 'any' | 'logits' | 'probabilities';
}

export function emptyReading(): ReadingForm {
  return { layout: 'any', range: 'any', mean: '', deviation: '', output: 'any' };
}

export type ReadingProblem = 'numbers' | 'one-of-two' | 'channels' | 'deviation';

/** What is wrong with the numbers typed; null if nothing is. `channels`: of the images. */
export function readingProblem({ mean, deviation }: ReadingForm, channels: number): ReadingProblem | null {
  const [means, deviations] = [numbersOf(mean), numbersOf(deviation)];
  if (!means || !deviations) return 'numbers';
  if (means.length === 0 && deviations.length === 0) return null;
  if (means.length === 0 || deviations.length === 0) return 'one-of-two';
  if (means.length !== channels || deviations.length !== channels) return 'channels';
  return deviations.every((value) => value > 0) ? null : 'deviation';
}

/** The hint that the form stands for; call it on a form without a problem. */
export function hintOfForm({ layout, range, mean, deviation, output }: ReadingForm): ReadingHint {
  const [means, deviations] = [numbersOf(mean) ?? [], numbersOf(deviation) ?? []];
  return {
    ...(layout !== 'any' && { layout }),
    ...(range !== 'any' && { range }),
    ...(means.length > 0 && { normalisation: { mean: [...means], deviation: [...deviations] } }),
    ...(output !== 'any' && { output }),
  };
}

function numbersOf(text: string): readonly number[] | null {
  const values = text
    .split(/[\s,;]+/)
    .filter((part) => part !== '')
    .map(Number);
  return values.every(Number.isFinite) ? values : null;
}
