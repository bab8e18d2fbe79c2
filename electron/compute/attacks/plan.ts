/** What an L∞ attack of the gradient family will do: its settings with every default worked out. */
export interface AttackPlan {
  /** Radius in [0, 1]. */
  readonly epsilon: number;
  /** Gradient steps of one restart; 0 judges the start alone. */
  readonly steps: number;
  readonly stepSize: number;
  /** Starts in all; the first one counts. */
  readonly restarts: number;
  /** Start at x plus uniform noise of [−ε, ε]; otherwise at x. */
  readonly randomStart: boolean;
  /** Give an example up at its first success instead of running its trajectory to the end. */
  readonly stopAtSuccess: boolean;
}

/** Units of work of one trajectory: its input gradients, or 1 where only the start is judged. */
export function workOf(plan: Pick<AttackPlan, 'steps'>): number {
  return Math.max(1, plan.steps);
}
