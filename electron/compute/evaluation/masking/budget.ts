import type { CheckDepth } from '../../../../shared/domain/check.ts';

/** How much work each part of the check does. */
export interface CheckBudget {
  /** Iterations of the long PGD, of which the first 40 are the baseline. */
  readonly iterations: number;
  /** Iterations of each start where starts are compared, and of the largest row of the step size map. */
  readonly startIterations: number;
  readonly restarts: number;
  readonly stepSizeIterations: number;
  readonly largeEpsilonIterations: number;
  readonly apgdIterations: number;
  /** Classes that targeted APGD is led to, at most. */
  readonly apgdTargets: number;
  readonly squareQueries: number;
  readonly transferIterations: number;
  readonly noiseTrials: number;
  /** Points of the loss surface along each direction. */
  readonly surfaceSide: number;
}

export const BUDGETS: Readonly<Record<CheckDepth, CheckBudget>> = {
  quick: {
    iterations: 200,
    startIterations: 40,
    restarts: 5,
    stepSizeIterations: 40,
    largeEpsilonIterations: 40,
    apgdIterations: 50,
    apgdTargets: 3,
    squareQueries: 1000,
    transferIterations: 40,
    noiseTrials: 50,
    surfaceSide: 17,
  },
  full: {
    iterations: 1000,
    startIterations: 100,
    restarts: 20,
    stepSizeIterations: 100,
    largeEpsilonIterations: 100,
    apgdIterations: 100,
    apgdTargets: 9,
    squareQueries: 5000,
    transferIterations: 100,
    noiseTrials: 200,
    surfaceSide: 25,
  },
};

/** Queries of the Square attack that findings ask for; AutoAttack's. */
export const SQUARE_QUERIES = 5000;

/** Iterations of the PGD that everything is compared with. */
export const BASELINE_ITERATIONS = 40;
