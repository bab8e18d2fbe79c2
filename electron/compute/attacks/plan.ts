import { AppError } from '../../../shared/domain/errors.ts';
import type { Norm } from './base/budget.ts';
import type { Subject } from './base/examples.ts';
import type { Method } from './method.ts';
import type { AttackOptions } from './options.ts';
import type { AttackSteps } from './ascent/steps.ts';

/** What every attack will do: its settings with all defaults worked out. Each family adds its own. */
export interface AttackPlan {
  readonly family: Family;
  /** The norm that ε is measured in. */
  readonly norm: Norm;
  /** Radius of the ball, in pixels of [0, 1]. */
  readonly epsilon: number;
  /** Starts in all; the first one counts. */
  readonly restarts: number;
}

/** What a family needs of a model. */
export type Access = 'gradients' | 'scores' | 'decisions' | 'nothing';

/** Attacks that are carried out in one way. */
export interface Family<P extends AttackPlan = AttackPlan> {
  /** Names its random streams too, so it stays what it is. */
  readonly name: string;
  /** What {@link workOf} counts: input gradients of one example, or forward passes. */
  readonly unit: 'gradients' | 'queries';
  /** Whether it looks for the smallest perturbation; x' outside the ball is then kept, and its size is noted. */
  readonly minimal: boolean;
  /** Whether it can lead to a class that was chosen for each row. */
  readonly targeted: boolean;
  /**
   * For attacks whose threat model is not a ball: its bounds in words, which stand in the place of ε. ε is then 1 in L∞,
   * all of the box: the size of their changes is measured and bounds nothing.
   */
  readonly threat?: (plan: P) => string;
  access(plan: P): Access;
  /** Units of work of one restart for one example, at most. */
  work(plan: P): number;
  /** Whether an example leaves at its first success, so that its last iterate is that one. */
  stopsAtSuccess(plan: P): boolean;
  /** The attacks that it is made of, where there are several. */
  readonly parts?: (plan: P) => readonly AttackPlan[];
  /** Titles of the starts of a plan, where each of them is an attack of its own. */
  readonly stages?: (plan: P) => readonly string[];
  /** See {@link isAtLeast}: of one family, norm, and of at least as many restarts. */
  isAtLeast(more: P, less: P): boolean;
  /**
   * The method that carries a plan out on one model.
   * @param steps of the model; they stay the caller's.
   * @throws AppError `invalid-input` if the plan does not fit the model.
   */
  create(steps: AttackSteps, subject: Subject, options: AttackOptions<P>): Method;
  /** x' of rows, made without a judgement, for other models; families that stop once their own model is fooled have none. */
  readonly make?: (
    steps: AttackSteps,
    source: Subject,
    rows: readonly number[],
    restart: number,
    options: AttackOptions<P>,
    onWork: (done: number, left: number) => void,
  ) => Promise<Made>;
}

/** The last iterates of some rows. */
export interface Made {
  readonly images: readonly { readonly row: number; readonly image: Float32Array }[];
  /** Steps whose logits or gradients were not finite, summed over the rows. */
  readonly nonFinite: number;
}

/** A family as plans carry it: its own plans are the only ones that reach it. */
export function defineFamily<P extends AttackPlan>(family: Family<P>): Family {
  return family as unknown as Family;
}

/** What a unit of work costs in forward passes: a pass forward and back costs about three. */
export const FORWARD_PASSES: Readonly<Record<Family['unit'], number>> = { gradients: 3, queries: 1 };

/** Units of work of one restart for one example. */
export function workOf(plan: AttackPlan): number {
  return plan.family.work(plan);
}

export function accessOf(plan: AttackPlan): Access {
  return plan.family.access(plan);
}

/** Whether norm and ε are what bounds the attack; rotations, for one, are bounded otherwise. */
export function isInBall({ family }: Pick<AttackPlan, 'family'>): boolean {
  return family.threat === undefined;
}

/** Whether it sees scores or decisions alone: what masked gradients cannot hide from. */
export function isBlind(plan: AttackPlan): boolean {
  const access = accessOf(plan);
  return access === 'scores' || access === 'decisions';
}

/** Whether something holds of the attack, or of one of those that it is made of. */
export function hasPart(plan: AttackPlan, holds: (part: AttackPlan) => boolean): boolean {
  return holds(plan) || (plan.family.parts?.(plan) ?? []).some((part) => hasPart(part, holds));
}

/** Whether an attack of the one plan does all that one of the other does, and perhaps more of it, whatever their ε. */
export function isAtLeast(more: AttackPlan, less: AttackPlan): boolean {
  return (
    more.family === less.family &&
    more.norm === less.norm &&
    more.restarts >= less.restarts &&
    more.family.isAtLeast(more, less)
  );
}

/** Whether x' made on one model may be judged on another. */
export function canTransfer({ family }: AttackPlan): boolean {
  return family.make !== undefined;
}

/** @throws AppError `invalid-input` for an attack that cannot be given a class to lead to. */
export function requireTargeted({ family }: AttackPlan): void {
  if (family.targeted) return;
  throw new AppError(
    'invalid-input',
    `The attack ${family.name} leads to any wrong class and cannot be given one. Choose the goal "untargeted", or PGD.`,
    { details: { field: 'goal', found: family.name } },
  );
}

/** @throws AppError `invalid-input` for an attack that cannot transfer. */
export function requireTransferable(plan: AttackPlan): NonNullable<Family['make']> {
  const { make, name } = plan.family;
  if (make) return make;
  throw new AppError(
    'invalid-input',
    `The attack ${name} stops once the model that it works on is fooled, so it makes no images for other models or for attention maps. Choose PGD, BIM, FGSM or noise.`,
    { details: { field: 'attack.name', found: name } },
  );
}
