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
  const evaluation = { id: `evaluation-${attack}`, state: 'done', request: { targets: [MODEL], goal: 'untargeted' } };
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
  return { ...measured, classes: [], nameOf: String, notesOn: () => [] } as unknown as MeasuredPlan;
}

const PGD = outcome('pgd', { epsilon: 0.25 }, [true, false, false, false]);
const TURNED = outcome('spatial', {}, [false, true, true, false]);

it('rotations and shifts, which no ε bounds, count in no worst case at an ε', () => {
  const measured = planOf([PGD, TURNED]);
  const worst = planResultOf(measured).worst[MODEL];
  expect(worst).toMatchObject([{ norm: 'linf', epsilon: 0.25, accuracy: 0.75, attacks: 1, weak: expect.any(String) }]);
  const { label, epsilon, outcomesOf } = focusOn(measured, null);
  expect([label, epsilon, outcomesOf(MODEL)]).toEqual(['worst case, ε 0.25', 0.25, [PGD]]);
  expect(planCurvesOf(measured).epsilon.map(({ x }) => x.at(-1))).toEqual([0.25]);
  expect(() => focusOn(planOf([TURNED]), null)).toThrow(/no ε bounds its attacks/);
  expect(planResultOf(planOf([TURNED])).worst[MODEL]).toEqual([]);
});

/** Why the worst case of these attacks is weak. */
const weakOf = (...attacks: readonly [string, Settings?][]): string | null | undefined =>
  planResultOf(planOf(attacks.map(([attack, settings = {}]) => outcome(attack, settings, [true])))).worst[MODEL]?.[0]
    ?.weak;
const STRONG = ['pgd', { steps: 200, restarts: 10 }] as const;

it('a worst case is a claim only with a strong attack with gradients and one without, of enough queries', () => {
  expect(weakOf(['autoattack'])).toBeNull();
  expect(weakOf([...STRONG], ['square'])).toBeNull();
  expect(weakOf([...STRONG], ['square', { queries: 1000 }])).toBeNull();
  expect(weakOf([...STRONG], ['square', { queries: 999 }])).toMatch(/^No attack without gradients, of at least 1,000/);
  expect(weakOf([...STRONG])).toMatch(/^No attack without gradients/);
  expect(weakOf(['square'])).toMatch(/^No attack with gradients/);
  expect(weakOf(['fgsm'], ['square'])).toMatch(/^No attack with gradients/);
  expect(weakOf(['fgsm'], ['square', { queries: 20 }])).toMatch(/^Neither/);
  expect(weakOf(['autoattack', { version: 'rand' }])).toMatch(/^Neither/);
  expect(weakOf(['noise', { trials: 5000 }])).toMatch(/^Neither/);
});

it('attacks at a smaller ε, of a transfer, after one class, or stopped by a limit are no part of that claim', () => {
  const strong = outcome(...STRONG, [true]);
  const square = outcome('square', { epsilon: 0.25 }, [true]);
  const weak = (one: MeasuredOutcome): string | null | undefined =>
    planResultOf(planOf([one, square])).worst[MODEL]?.at(-1)?.weak;
  const asked = (request: object): MeasuredOutcome => {
    const { evaluation } = strong.step;
    const changed = { ...evaluation, request: { ...evaluation.request, ...request } };
    return { ...strong, step: { ...strong.step, evaluation: changed } };
  };
  expect(weak(strong)).toBeNull();
  expect(weak(outcome('pgd', { ...STRONG[1], epsilon: 0.1 }, [true]))).toMatch(/^No attack with gradients/);
  expect(weak({ ...strong, target: { ...strong.target, threat: 'gray-box' } })).toMatch(/^No attack with gradients/);
  expect(weak(asked({ goal: 'random' }))).toMatch(/^No attack with gradients/);
  expect(weak(asked({ limits: { seconds: 1, work: null } }))).toMatch(/^No attack with gradients/);
});

it('of a model without gradients it says that there are none', () => {
  const of = (attack: string, settings: Settings): string | null | undefined => {
    const measured = planOf([outcome(attack, settings, [true])]);
    const foreign = { id: MODEL, foreign: {} } as unknown as MeasuredPlan['models'][number];
    return planResultOf({ ...measured, models: [foreign] }).worst[MODEL]?.[0]?.weak;
  };
  expect(of('square', {})).toBe('The model gives no gradients, so no attack with gradients is among them.');
  expect(of('square', { queries: 20 })).toMatch(/^The model gives no gradients, and no attack of at least 1,000/);
});
