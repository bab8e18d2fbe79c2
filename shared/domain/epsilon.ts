import type { Norm } from './evaluation.ts';

/** `L∞`, `L2`, `L1`. */
export function normName(norm: Norm): string {
  return NORM_NAMES[norm];
}

const NORM_NAMES: Readonly<Record<Norm, string>> = { linf: 'L∞', l2: 'L2', l1: 'L1' };

/** ε with the norm that it is measured in, which a bare ε leaves out for L∞: `ε 0.25`, `L2 ε 2`. */
export function epsilonLabel({ norm, epsilon }: { readonly norm: Norm; readonly epsilon: number }): string {
  const { unit } = epsilonNotations(epsilon);
  return norm === 'linf' ? `ε ${unit}` : `${normName(norm)} ε ${unit}`;
}

/** ε in the notations that papers use: [0, 1], n/255, and 2ε for pixels in [-1, 1]. */
export function epsilonNotations(epsilon: number): {
  readonly unit: string;
  readonly of255: string;
  readonly symmetric: string;
} {
  return {
    unit: trim(epsilon, 4),
    of255: `${trim(epsilon * 255, 2)}/255`,
    symmetric: trim(2 * epsilon, 4),
  };
}

function trim(value: number, digits: number): string {
  return Number(value.toFixed(digits)).toString();
}

/**
 * Step size of an attack whose step size is left empty: 2.5 ε / steps (Madry et al. 2018, MNIST), far enough to cross
 * the ball and come back.
 */
export function defaultStepSize(epsilon: number, steps: number): number {
  return (2.5 * epsilon) / steps;
}

/** From this ε on, in [0, 1], every image can be moved to flat grey. */
export const FLAT_GREY_EPSILON = 0.5;

/** The note that belongs beside every result at `epsilon`, or null. */
export function flatGreyNote(epsilon: number, classes: number): string | null {
  if (epsilon < FLAT_GREY_EPSILON) return null;
  const share = (100 / classes).toFixed(1);
  return `ε ${trim(epsilon, 4)} in [0, 1] lets every image become flat grey: white-box accuracy is then at most the share of the class that the model gives to grey (${share} % on ${classes} balanced classes).`;
}
