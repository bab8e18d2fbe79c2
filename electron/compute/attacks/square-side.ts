import type { SquarePlan } from './square-method.ts';

/** Queries of 10,000 after which the share of the squares is halved. */
const HALVINGS = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

/**
 * Side of the square of a query: √(p · h · w), p halved after 10, 50, 200, 500, 1000, 2000, 4000, 6000 and 8000 of
 * 10,000 queries, a schedule that is stretched to the number of queries (the paper's section 5, its implementation in
 * AutoAttack).
 */
export function squareSide(query: number, plan: SquarePlan, height: number, width: number): number {
  const scaled = Math.floor((query / plan.queries) * 10_000);
  const halvings = HALVINGS.filter((limit) => scaled > limit).length;
  const side = Math.round(Math.sqrt((plan.initialShare / 2 ** halvings) * height * width));
  return Math.min(Math.max(side, 1), height, width);
}
