import { expect, it } from 'vitest';
import { planRequest } from '../../../shared/domain/plan.ts';
import { emptyPlanForm, parseList, planExtensionOf, planFormOf, planProblems, planRequestOf } from './plan-form.ts';

const filled = () => ({
  ...emptyPlanForm('dataset-00000001'),
  models: ['run-00000001', 'run-00000002'],
  attacks: [
    { name: 'pgd', settings: { steps: 40 }, epsilons: '' },
    { name: 'apgd', settings: { norm: 'l2' }, epsilons: '0.5; 1' },
  ],
  epsilons: '0.1, 8/255',
  sources: ['run-00000003', 'run-00000004'],
  ensemble: true,
  seeds: '0, 1',
});

it('lists of numbers are read as people type them', () => {
  expect(parseList('0.1, 8/255;0.3  1')).toEqual([0.1, 8 / 255, 0.3, 1]);
  expect(parseList('')).toEqual([]);
  for (const text of ['0.1, abc', '1/', '/2', '1/2/3']) expect(parseList(text)).toBeNull();
});

it('a filled form has no problem and makes a request that the contract takes', () => {
  const form = filled();
  expect(planProblems(form)).toEqual([]);
  const request = planRequest.parse(planRequestOf(form));
  expect(request.sources).toEqual([[], ['run-00000003'], ['run-00000004'], ['run-00000003', 'run-00000004']]);
  expect(request.epsilons).toEqual([0.1, 8 / 255]);
  expect(request.attacks.map(({ epsilons }) => epsilons)).toEqual([null, [0.5, 1]]);
  expect(request.seeds).toEqual([0, 1]);
});

it('a form filled from a request makes the same request again', () => {
  const request = planRequest.parse(planRequestOf(filled()));
  const again = planRequest.parse(planRequestOf(planFormOf(request)));
  const rounded = (epsilons: readonly number[]) => epsilons.map((value) => value.toPrecision(9));
  expect({ ...again, epsilons: rounded(again.epsilons) }).toEqual({ ...request, epsilons: rounded(request.epsilons) });
});

it('every field that is missing or wrong is named', () => {
  expect(planProblems(emptyPlanForm('dataset-00000001'))).toEqual(['no-models', 'no-attacks']);
  expect(
    planProblems({
      ...filled(),
      whiteBox: false,
      sources: ['run-00000003'],
      epsilons: 'x',
      attacks: [{ name: 'pgd', settings: {}, epsilons: '-1' }],
      seeds: '0.5',
      count: 0,
      batchSize: 9999,
    }),
  ).toEqual(['ensemble', 'epsilons', 'attack-epsilons', 'count', 'seeds', 'batch-size']);
  expect(planProblems({ ...filled(), whiteBox: false, sources: [], ensemble: false })).toEqual(['no-source']);
});

it('an extension holds what is new, and is refused where something was taken away', () => {
  const plan = planRequest.parse({ ...planRequestOf(filled()), epsilons: [0.1] });
  const form = { ...planFormOf(plan), models: ['run-00000001', 'run-00000002', 'run-00000005'], epsilons: '0.1, 0.2' };
  expect(planExtensionOf('plan-00000001', plan, form)).toEqual({
    id: 'plan-00000001',
    models: ['run-00000005'],
    attacks: [],
    epsilons: [0.2],
    sources: [],
    seeds: [],
  });
  expect(planExtensionOf('plan-00000001', plan, { ...form, models: ['run-00000001'] })).toBeNull();
  expect(planExtensionOf('plan-00000001', plan, { ...form, count: 100 })).toBeNull();
});
