import { describe, expect, it } from 'vitest';
import type { AttackSpec, Goal, Threat } from '../../../shared/domain/evaluation.ts';
import { findOrderingProblems, findTableProblems } from './orderings.ts';
import type { JudgedResult, TableNumber } from './orderings.ts';

interface Given {
  readonly attack?: string;
  readonly settings?: AttackSpec['settings'];
  readonly threat?: Threat;
  readonly source?: string | null;
  readonly goal?: Goal;
  readonly model?: string;
  readonly byRestart?: readonly number[];
  readonly clean?: number;
  readonly last?: number;
}

/** A result on examples 0 … 99 of which the `broken` ones are broken. */
function judged(broken: readonly number[], given: Given = {}): JudgedResult {
  const stands = new Map(Array.from({ length: 100 }, (_, index) => [index, !broken.includes(index)]));
  const robust = (100 - broken.length) / 100;
  return {
    stands,
    source: given.source ?? null,
    goal: given.goal ?? 'untargeted',
    attack: { name: given.attack ?? 'pgd', settings: given.settings ?? {} },
    result: {
      model: given.model ?? 'run-aaaaaaaa',
      threat: given.threat ?? 'white-box',
      examples: 100,
      cleanAccuracy: given.clean ?? 1,
      cleanInterval: [0, 1],
      robustAccuracy: robust,
      robustInterval: [0, 1],
      finalIterateAccuracy: given.last ?? robust,
      byRestart: given.byRestart ? [...given.byRestart] : [robust],
      perturbation: { linfMax: 0, l2Mean: 0, l2Median: 0 },
      nonFiniteGradients: 0,
      constraintViolations: 0,
    },
  };
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
const texts = (results: readonly JudgedResult[], severity: string): string[] =>
  findOrderingProblems(results)
    .filter((finding) => finding.severity === severity)
    .map(({ text }) => text);

describe('hard orderings', () => {
  it('a sound set of results has no finding', () => {
    const results = [
      judged(range(0, 30), { settings: { steps: 200, restarts: 10 }, byRestart: [0.8, 0.72, 0.7] }),
      judged(range(0, 20), { settings: { steps: 10 } }),
      judged(range(0, 10), { attack: 'fgsm' }),
      judged(range(0, 5), { threat: 'gray-box', source: 'run-bbbbbbbb' }),
    ];
    expect(findOrderingProblems(results)).toEqual([]);
  });

  it('a restart that raises accuracy is an error', () => {
    expect(texts([judged(range(0, 30), { byRestart: [0.6, 0.7] })], 'error')[0]).toMatch(
      /rose from 60\.00 % to 70\.00 % with restart 2/,
    );
  });

  it('a number that its examples do not bear out is an error', () => {
    const wrong = judged(range(0, 30));
    const errors = texts([{ ...wrong, result: { ...wrong.result, robustAccuracy: 0.71 } }], 'error');
    expect(errors.join()).toMatch(/71\.00 % of 100 examples is not what its examples say \(70 of 100\)/);
  });

  it('more accuracy under attack than without, or than the last iterates have, is an error', () => {
    expect(texts([judged([], { clean: 0.9 })], 'error')[0]).toMatch(/more than 90\.00 % without/);
    expect(texts([judged(range(0, 10), { last: 0.8 })], 'error')[0]).toMatch(/above the last iterates' 80\.00 %/);
  });
});

describe('the numbers of a table', () => {
  const number = (epsilon: number, robustAccuracy: number, given: Partial<TableNumber> = {}): TableNumber => ({
    model: 'run-aaaaaaaa',
    title: `PGD-40, ε ${epsilon}`,
    epsilon,
    families: ['same-step', 'relative-step'],
    robustAccuracy,
    counted: true,
    ...given,
  });

  it('that fall with ε and lie above the worst case have no finding', () => {
    expect(findTableProblems([number(0.1, 0.6), number(0.3, 0.4)], { 'run-aaaaaaaa': 0.4 })).toEqual([]);
  });

  it('that rise with ε within one family of one model are an error', () => {
    expect(findTableProblems([number(0.1, 0.4), number(0.3, 0.6, { families: ['relative-step'] })], {})).toEqual([
      { severity: 'error', text: expect.stringMatching(/ε 0\.3 has 60\.00 %, more than 40\.00 % of PGD-40, ε 0\.1/) },
    ]);
    expect(findTableProblems([number(0.1, 0.4), number(0.3, 0.6, { families: ['other'] })], {})).toEqual([]);
    expect(findTableProblems([number(0.1, 0.4), number(0.3, 0.6, { model: 'run-bbbbbbbb' })], {})).toEqual([]);
  });

  it('below the worst case that counts them are an error', () => {
    const worst = { 'run-aaaaaaaa': 0.5 };
    expect(findTableProblems([number(0.3, 0.4)], worst)[0]?.text).toMatch(/worst case 50\.00 % is above 40\.00 %/);
    expect(findTableProblems([number(0.3, 0.4, { counted: false })], worst)).toEqual([]);
  });
});

describe('soft orderings', () => {
  it.each([
    ['PGD weaker than FGSM', judged(range(0, 10)), judged(range(0, 30), { attack: 'fgsm' }), /PGD-40.*FGSM/],
    [
      'PGD-200 weaker than PGD-10',
      judged(range(0, 10), { settings: { steps: 200 } }),
      judged(range(0, 30), { settings: { steps: 10 } }),
      /PGD-200.*left 20 of 100 examples standing that PGD-10/,
    ],
    [
      'white-box weaker than a transfer',
      judged(range(0, 10)),
      judged(range(0, 30), { threat: 'black-box', source: 'run-bbbbbbbb' }),
      /gradient masking/,
    ],
    [
      'a larger ε weaker than a smaller one',
      judged(range(0, 10), { settings: { epsilon: 0.3 } }),
      judged(range(0, 30), { settings: { epsilon: 0.1 } }),
      /larger ε/,
    ],
    ['an attack weaker than noise', judged(range(0, 10)), judged(range(0, 30), { attack: 'noise' }), /Noise/],
  ])('%s is a warning', (_, stronger, weaker, text) => {
    expect(texts([stronger, weaker], 'warning')).toEqual([expect.stringMatching(text)]);
  });

  it('a search without gradients that breaks more than many gradient steps is a sign of masked gradients', () => {
    const [square, apgd] = [judged(range(0, 30), { attack: 'square' }), judged(range(0, 10), { attack: 'apgd' })];
    expect(texts([square, apgd], 'warning')).toEqual([expect.stringMatching(/APGD-CE 100, ε 0.25.*masked gradients/)]);
    expect(texts([square, judged(range(0, 10), { settings: { steps: 10 } })], 'warning')).toEqual([]);
    expect(texts([judged([], { attack: 'square' }), judged(range(0, 10), { attack: 'apgd' })], 'warning')).toEqual([]);
  });

  it('attacks of different kinds have no order among them; of one kind, more iterations or queries have', () => {
    const apgd = judged(range(0, 10), { attack: 'apgd', settings: { steps: 100 } });
    const dlr = judged(range(0, 30), { attack: 'apgd', settings: { steps: 50, loss: 'dlr' } });
    expect(texts([apgd, dlr, judged(range(0, 40), { settings: { steps: 50 } })], 'warning')).toEqual([]);
    const shorter = judged(range(0, 30), { attack: 'apgd', settings: { steps: 50 } });
    expect(texts([apgd, shorter], 'warning')[0]).toMatch(/More steps and restarts/);
    const searches = [
      judged(range(0, 10), { attack: 'square', settings: { queries: 5000 } }),
      judged(range(0, 30), { attack: 'square', settings: { queries: 500 } }),
    ];
    expect(texts(searches, 'warning')).toHaveLength(1);
  });

  it('a difference that chance explains is none', () => {
    expect(findOrderingProblems([judged(range(0, 10)), judged(range(5, 17), { attack: 'fgsm' })])).toEqual([]);
  });

  it('does not compare goals, norms, or what no ball bounds', () => {
    const strong = judged(range(0, 5), { settings: { steps: 200 } });
    const weak = judged(range(5, 60), { settings: { steps: 10 } });
    expect(findOrderingProblems([strong, weak])).toHaveLength(1);
    expect(findOrderingProblems([{ ...strong, goal: 'random' }, weak])).toEqual([]);
    expect(findOrderingProblems([strong, { ...weak, attack: { name: 'pgd', settings: { norm: 'l2' } } }])).toEqual([]);
    expect(findOrderingProblems([strong, { ...weak, attack: { name: 'spatial', settings: {} } }])).toEqual([]);
  });

  it('gray- and black-box, other models, and other sources have no order', () => {
    const results = [
      judged(range(0, 10), { threat: 'gray-box', source: 'run-bbbbbbbb', settings: { steps: 200 } }),
      judged(range(0, 40), { threat: 'black-box', source: 'run-cccccccc', settings: { steps: 10 } }),
      judged(range(0, 60), { model: 'run-dddddddd', settings: { steps: 10 } }),
    ];
    expect(findOrderingProblems(results)).toEqual([]);
  });
});
