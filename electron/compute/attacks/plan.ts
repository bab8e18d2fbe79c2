import { AppError } from '../../../shared/domain/errors.ts';
import type { LossName } from '../losses.ts';

/** What every attack will do, whatever its method: its settings with all defaults worked out. */
interface CommonPlan {
  /** L∞ radius in [0, 1]. */
  readonly epsilon: number;
  /** Starts in all; the first one counts. */
  readonly restarts: number;
}

/** Projected gradient ascent on the cross-entropy with steps of one size. */
export interface AscentPlan extends CommonPlan {
  readonly method: 'ascent';
  /** Gradient steps of one restart; 0 judges the start alone. */
  readonly steps: number;
  readonly stepSize: number;
  /** Start at x plus uniform noise of [−ε, ε]; otherwise at x. */
  readonly randomStart: boolean;
  /** Give an example up at its first success instead of running its trajectory to the end. */
  readonly stopAtSuccess: boolean;
}

/** Auto-PGD: gradient ascent with momentum, whose step sizes halve by themselves. */
export interface ApgdPlan extends CommonPlan {
  readonly method: 'apgd';
  readonly loss: Extract<LossName, 'cross-entropy' | 'dlr'>;
  readonly steps: number;
  /** α of the paper's eq. 1: weight of the new step against the last one's direction, in (0, 1]. */
  readonly momentum: number;
  /** ρ: a step size stays if at least this share of the steps since the last checkpoint raised the loss. */
  readonly rho: number;
}

/** Random search with squares; sees logits only. */
export interface SquarePlan extends CommonPlan {
  readonly method: 'square';
  /** Forward passes of one restart, the start included. */
  readonly queries: number;
  /** Share of the image's pixels that the first squares change, in (0, 1]. */
  readonly initialShare: number;
}

/** What an attack will do, by the method that does it. */
export type AttackPlan = AscentPlan | ApgdPlan | SquarePlan;

/** Units of work of one restart for one example: input gradients (1 where only the start is judged), or queries. */
export function workOf(plan: AttackPlan): number {
  return plan.method === 'square' ? plan.queries : Math.max(1, plan.steps);
}

/** What {@link workOf} counts. */
export function workUnit(plan: AttackPlan): 'gradients' | 'queries' {
  return plan.method === 'square' ? 'queries' : 'gradients';
}

/** Whether an example leaves at its first success, so that its last iterate is that one. */
export function stopsAtSuccess(plan: AttackPlan): boolean {
  return plan.method === 'ascent' ? plan.stopAtSuccess : true;
}

/** Whether x' made on one model may be judged on another: attacks that stop once their own model is fooled are not for it. */
export function canTransfer(plan: AttackPlan): plan is AscentPlan {
  return plan.method === 'ascent';
}

/** @throws AppError `invalid-input` for an attack that cannot transfer. */
export function transferable(plan: AttackPlan): AscentPlan {
  if (canTransfer(plan)) return plan;
  throw new AppError(
    'invalid-input',
    `The attack ${plan.method} stops once the model that it works on is fooled, so it makes no images for other models or for attention maps. Choose PGD, BIM, FGSM or noise.`,
    { details: { field: 'attack.name', found: plan.method } },
  );
}
