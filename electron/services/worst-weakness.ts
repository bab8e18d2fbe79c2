import type { EvaluationRequest, Goal, TargetResult } from '../../shared/domain/evaluation.ts';
import { accessOf, hasPart, isBlind, workOf } from '../compute/attacks/plan.ts';
import type { ResolvedAttack } from '../compute/attacks/registry.ts';

/** Queries of one start from which on a search without gradients would notice that gradients are masked. */
const ENOUGH_QUERIES = 1000;

/** Goals that any wrong class serves. */
const WHOLE_GOALS: ReadonlySet<Goal> = new Set(['untargeted', 'all']);

/** What a worst case needs before it is a claim: gradients followed far enough, and enough queries without them. */
export type Means = 'gradients' | 'queries';

/** Whether a number is of an attack on the model itself, and not after one class alone. */
export function isWholeWhiteBox({ goal }: Pick<EvaluationRequest, 'goal'>, { threat }: TargetResult): boolean {
  return threat === 'white-box' && WHOLE_GOALS.has(goal);
}

/**
 * The means of one number: none of a transfer, of an attack after one class alone, or of one that a limit stopped before
 * all its starts; `gradients` of an attack that is not weak by itself.
 */
export function meansOf(
  { plan, weak }: Pick<ResolvedAttack, 'plan' | 'weak'>,
  request: Pick<EvaluationRequest, 'goal' | 'limits'>,
  target: TargetResult,
): readonly Means[] {
  const stopped = request.limits !== undefined && target.byRestart.length < plan.restarts;
  if (stopped || !isWholeWhiteBox(request, target)) return [];
  const gradients = weak === null && hasPart(plan, (part) => accessOf(part) === 'gradients');
  const queries = hasPart(plan, (part) => isBlind(part) && workOf(part) >= ENOUGH_QUERIES);
  return [...(gradients ? (['gradients'] as const) : []), ...(queries ? (['queries'] as const) : [])];
}

/**
 * Why a worst case is too weak to be a claim of robustness: what is missing among its attacks at its ε. Null if nothing is.
 * @param hasGradients whether the model gives any; models of other programs do not.
 */
export function weaknessOfWorst(means: readonly Means[], hasGradients: boolean): string | null {
  const enough = ENOUGH_QUERIES.toLocaleString('en');
  const asked = means.includes('queries');
  if (!hasGradients) {
    return asked
      ? 'The model gives no gradients, so no attack with gradients is among them.'
      : `The model gives no gradients, and no attack of at least ${enough} queries is among them.`;
  }
  const followed = means.includes('gradients');
  if (followed && asked) return null;
  if (followed) return `No attack without gradients, of at least ${enough} queries, is among them.`;
  if (asked) return 'No attack with gradients that is strong by itself is among them.';
  return `Neither an attack with gradients that is strong by itself nor one without, of at least ${enough} queries, is among them.`;
}
