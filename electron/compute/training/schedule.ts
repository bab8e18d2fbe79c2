import type { TrainerSettings } from '../../../shared/domain/training.ts';

/**
 * Learning rate of a step.
 * @param step steps done so far, 0 … total − 1
 */
export function learningRateAt(settings: TrainerSettings, step: number, total: number): number {
  const done = step / total;
  switch (settings.schedule) {
    case 'constant':
      return settings.learningRate;
    case 'linear':
      return settings.learningRate * (1 - done);
    case 'cosine':
      return (settings.learningRate * (1 + Math.cos(Math.PI * done))) / 2;
  }
}

/**
 * Share of ε that the inner attack has in a step: rises linearly to 1 over the warm-up.
 * @param step steps done so far, 0 … total − 1
 * @param warmup share of the steps, 0…1
 * @returns in (0, 1]
 */
export function epsilonShareAt(warmup: number, step: number, total: number): number {
  return Math.min(1, (step + 1) / Math.max(1, warmup * total));
}
