import { expect, it } from 'vitest';
import type { Norm } from './budget.ts';
import type { Examples } from './examples.ts';
import { enterCandidates, isHit, openOutcome } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { defineFamily } from '../plan.ts';
import type { AttackPlan } from '../plan.ts';

/** Three images of two pixels, all of class 0. */
const examples: Examples = {
  images: Float32Array.from([0.5, 0.5, 0.5, 0.5, 0.5, 0.5]),
  labels: Int32Array.from([0, 0, 0]),
  indices: Uint32Array.from([0, 1, 2]),
  shape: [1, 2, 1],
};

function planOf(minimal: boolean, norm: Norm, epsilon: number): AttackPlan {
  const family = defineFamily({
    name: 'given',
    unit: 'queries',
    minimal,
    targeted: true,
    access: () => 'nothing',
    work: () => 1,
    stopsAtSuccess: () => false,
    isAtLeast: () => false,
    create: () => {
      throw new Error('Candidates are given by the test.');
    },
  });
  return { family, norm, epsilon, restarts: 1 };
}

const open = (): Outcome => openOutcome(examples, Float32Array.from([1, 0, 0, 1, 0, 0, 1, 0, 0]), 3, false);
const candidate = (row: number, pixels: readonly number[], iteration = 0) => ({
  row,
  image: Float32Array.from(pixels),
  iteration,
  lastWrong: iteration >= 0,
});
const CLASS_1 = [0, 1, 0];

it('a minimal attack keeps the smallest success, within ε or not, and counts it by ε', () => {
  const [outcome, options] = [open(), { examples, plan: planOf(true, 'l2', 0.2) }];
  const enter = (row: number, pixels: readonly number[], restart: number) =>
    enterCandidates(outcome, options, [candidate(row, pixels)], Float32Array.from(CLASS_1), restart);
  enter(0, [0.9, 0.5], 0);
  expect([outcome.succeeded[0], outcome.distance[0]]).toEqual([0, expect.closeTo(0.4, 6)]);
  enter(0, [0.5, 0.35], 1);
  expect([outcome.succeeded[0], outcome.lastWrong[0], outcome.restart[0]]).toEqual([1, 1, 1]);
  enter(0, [0.8, 0.5], 2);
  expect(outcome.distance[0]).toBeCloseTo(0.15, 6);
  expect(outcome.adversarial[1]).toBeCloseTo(0.35, 6);
  enter(1, [0.5, 1.2], 0);
  expect([outcome.violations, outcome.distance[1]]).toEqual([1, Number.NaN]);
  expect(outcome.distance[2]).toBeNaN();
});

it('other attacks keep the first success and its size; beyond ε it is a violation', () => {
  const [outcome, options] = [open(), { examples, plan: planOf(false, 'l1', 0.3) }];
  const enter = (row: number, pixels: readonly number[]) =>
    enterCandidates(outcome, options, [candidate(row, pixels, 4)], Float32Array.from(CLASS_1), 0);
  enter(0, [0.6, 0.4]);
  enter(0, [0.55, 0.5]);
  enter(1, [0.9, 0.5]);
  expect(outcome.distance[0]).toBeCloseTo(0.2, 6);
  expect([...outcome.succeeded]).toEqual([1, 0, 0]);
  expect(outcome.violations).toBe(1);
});

it('with a target only that class is a success', () => {
  const targets = Int32Array.from([1, 2, 1]);
  const options = { examples, targets, plan: planOf(false, 'linf', 0.3) };
  const outcome = open();
  const rows = [candidate(0, [0.6, 0.6]), candidate(1, [0.6, 0.6])];
  enterCandidates(outcome, options, rows, Float32Array.from([...CLASS_1, ...CLASS_1]), 0);
  expect([...outcome.succeeded]).toEqual([1, 0, 0]);
  expect(isHit(options, 1, 2)).toBe(true);
  expect(isHit(options, 1, -1)).toBe(false);
  expect(isHit({ examples }, 1, 0)).toBe(false);
});
