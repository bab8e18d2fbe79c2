import { expect, it } from 'vitest';
import type { ExampleRecord, TargetResult } from '../../../shared/domain/evaluation.ts';
import { resolveAttack } from '../../compute/attacks/registry.ts';
import type { MeasuredOutcome, MeasuredPlan, MeasuredStep } from './measured.ts';
import { planCurvesOf } from './curves.ts';
import { planResultOf } from './result.ts';
import { focusOn } from './view.ts';

const MODEL = 'run-00000001';

type Settings = Readonly<Record<string, number | string>>;

/** What an attack did to four images that are all classified rightly. */
function outcome(attack: string, settings: Settings, broken: readonly boolean[]): MeasuredOutcome {
  const resolved = resolveAttack({ name: attack, settings });
  const evaluation = { id: `evaluation-${attack}`, state: 'done', request: { targets: [MODEL] } };
  const step = {
    evaluation,
    attack: resolved,
    label: resolved.label,
    source: [],
    seed: 0,
    column: attack,
    attackKey: attack,
    gradientFree: false,
    minimal: false,
  } as unknown as MeasuredStep;
  const records = broken.map((one, row): Partial<ExampleRecord> => ({
    row,
    index: row,
    label: 0,
    cleanPrediction: 0,
    broken: one,
    carriedFrom: null,
  }));
  const target: Partial<TargetResult> = {
    model: MODEL,
    threat: 'white-box',
    examples: broken.length,
    cleanAccuracy: 1,
    cleanInterval: [0, 1],
    robustAccuracy: 0,
    robustInterval: [0, 1],
    byRestart: [1],
  };
  return { step, model: MODEL, target, records } as unknown as MeasuredOutcome;
}

function planOf(outcomes: readonly MeasuredOutcome[]): MeasuredPlan {
  const measured = {
    models: [{ id: MODEL }],
    outcomes,
    steps: outcomes.map(({ step }) => step),
    plan: { id: 'plan-1' },
  };
  return { ...measured, classes: [], nameOf: String } as unknown as MeasuredPlan;
}

const PGD = outcome('pgd', { epsilon: 0.25 }, [true, false, false, false]);
const TURNED = outcome('spatial', {}, [false, true, true, false]);

it('rotations and shifts, which no ε bounds, count in no worst case at an ε', () => {
  const measured = planOf([PGD, TURNED]);
  const worst = planResultOf(measured).worst[MODEL];
  expect(worst).toMatchObject([{ norm: 'linf', epsilon: 0.25, accuracy: 0.75, attacks: 1, gradientFree: false }]);
  const { label, epsilon, outcomesOf } = focusOn(measured, null);
  expect([label, epsilon, outcomesOf(MODEL)]).toEqual(['worst case, ε 0.25', 0.25, [PGD]]);
  expect(planCurvesOf(measured).epsilon.map(({ x }) => x.at(-1))).toEqual([0.25]);
  expect(() => focusOn(planOf([TURNED]), null)).toThrow(/no ε bounds its attacks/);
  expect(planResultOf(planOf([TURNED])).worst[MODEL]).toEqual([]);
});

it('AutoAttack has a search without gradients among its parts, and its version for random models has none', () => {
  const gradientFree = (attack: string, settings: Settings = {}): boolean | undefined =>
    planResultOf(planOf([outcome(attack, settings, [true])])).worst[MODEL]?.[0]?.gradientFree;
  expect(gradientFree('autoattack')).toBe(true);
  expect(gradientFree('autoattack', { version: 'rand' })).toBe(false);
  expect(gradientFree('square')).toBe(true);
  expect(gradientFree('pgd')).toBe(false);
});
