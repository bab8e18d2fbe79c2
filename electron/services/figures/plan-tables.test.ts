import { describe, expect, it } from 'vitest';
import type { PlanClasses, PlanComparison, PlanResult } from '../../../shared/domain/plan.ts';
import {
  classesTable,
  comparisonTable,
  confusionTable,
  matrixTable,
  planTableCsv,
  planTableLatex,
} from './plan-tables.ts';

const RED = {
  check: 'check-00000000',
  verdict: 'red',
  depth: 'full',
  epsilon: 0.25,
  summary: '',
  created: '2026-11-22T10:00:00.000Z',
} as const;
const NAMES = {
  plan: 'suite',
  dataset: 'digits_1',
  datasetHash: 'f00',
  modelOf: (id: string) => ({ name: { a: 'natural', b: 'at-alp' }[id] ?? id, check: id === 'a' ? RED : null }),
};
const DAG = '\\textsuperscript{\\dag}';
const DDAG = '\\textsuperscript{\\ddag}';
const column: PlanResult['columns'][number] = {
  key: 'k',
  label: 'PGD-40, ε 0.25 from surrogate',
  attackKey: 'pgd',
  attackLabel: 'PGD-40, ε 0.25',
  attack: 'pgd',
  source: ['s'],
  norm: 'linf',
  epsilon: 0.25,
  gradientFree: false,
  minimal: false,
  weak: 'One start: restarts may break more.',
  evaluations: [],
};
const seed = (one: number, robustAccuracy: number): PlanResult['cells'][string][string]['bySeed'][number] => ({
  seed: one,
  evaluation: `evaluation-${one}`,
  robustAccuracy,
  interval: [0.3, 0.5],
  carried: 2,
  accuracy8Bit: 0.45,
  medianDistance: null,
});
const result: PlanResult = {
  plan: 'plan-00000000',
  models: ['a', 'b'],
  columns: [column],
  cells: {
    a: {
      k: {
        accuracy: { mean: 0.4, std: 0.02, seeds: 2 },
        clean: 0.98,
        examples: 100,
        notes: ['The target natural was trained against this source, s_1.'],
        bySeed: [seed(0, 0.38), seed(1, 0.42)],
      },
    },
  },
  clean: { a: { accuracy: 0.98, interval: [0.93, 0.99], examples: 100 } },
  worst: {
    a: [
      {
        norm: 'linf',
        epsilon: 0.25,
        accuracy: 0.36,
        interval: [0.27, 0.46],
        examples: 100,
        attacks: 1,
        weak: 'No attack without gradients, of at least 1,000 queries, is among them.',
        whiteBox: null,
        overSeeds: { mean: 0.4, std: 0.02, seeds: 2 },
      },
    ],
  },
  matrices: [
    {
      attackKey: 'pgd',
      label: 'PGD-40, ε 0.25',
      rows: [
        { source: [], label: 'itself (white-box)', accuracy: { a: 0, b: 0.5 } },
        { source: ['a'], label: 'natural', accuracy: { b: 0.75 } },
      ],
    },
  ],
};

describe('tables of a plan', () => {
  it('CSV has a line for each seed, then the worst case, with all that they rest on', () => {
    const [head = '', ...lines] = planTableCsv(result, NAMES).trim().split('\n');
    expect(head).toMatch(/^model,.*attack_seed,examples,clean_accuracy,robust_accuracy,/);
    expect(lines).toHaveLength(3);
    expect(lines[0]).toContain(
      'One start: restarts may break more. The target natural was trained against this source, s_1.',
    );
    expect(lines[0]).toMatch(/^natural,.*"PGD-40, ε 0\.25",linf,0\.25,s,0,100,0\.98,0\.38,0\.3,0\.5,0\.45,,2,/);
    expect(lines[2]).toMatch(
      /worst case,linf,0\.25,.*0\.36,0\.27,0\.46.*"1 attacks. No attack without gradients, of at least 1,000 queries, is among them."/,
    );
    expect(lines.every((line) => line.includes('digits_1,f00'))).toBe(true);
  });

  it('LaTeX has mean ± deviation over seeds, intervals of the worst case, and dashes for what is missing', () => {
    const text = planTableLatex(result, NAMES);
    expect(text).toContain('The target natural was trained against this source, s\\_1.}');
    expect(text).toContain(`natural ${DDAG} & 98.0 & 40.0 $\\pm$ 2.0 ${DAG} & 36.0 [27.0, 46.0] ${DAG} \\\\`);
    expect(text).toContain(`natural ${DDAG} red (full, $\\varepsilon$ 0.25, 2026-11-22); at-alp not checked.`);
    expect(text).toContain(
      `${DAG} Too weak to be a claim of robustness: PGD-40, $\\varepsilon$ 0.25 from surrogate (one start: restarts may break more); worst case (no attack without gradients, of at least 1,000 queries, is among them).`,
    );
    expect(text).toContain('at-alp & -- & -- & -- \\\\');
    expect(text).toContain('images of digits\\_1');
    expect(text).toContain('worst case, $\\varepsilon$ 0.25');
  });

  it('a matrix leaves the source’s own cell empty', () => {
    const [matrix] = result.matrices;
    const lines = matrixTable(result, matrix!, NAMES, 'csv').trim().split('\n');
    expect(lines[1]).toBe(
      '"PGD-40, ε 0.25",itself (white-box),natural,0,One start: restarts may break more.,"red (full, ε 0.25, 2026-11-22)"',
    );
    expect(lines[3]).toMatch(/^"PGD-40, ε 0.25",natural,natural,,/);
    expect(lines[4]).toMatch(/,natural,at-alp,0.75,.*,not checked$/);
    expect(matrixTable(result, matrix!, NAMES, 'latex')).toContain(`natural & -- & 75.0 ${DAG} \\\\`);
  });

  it('a comparison shows tiny p values as such, and no difference where none can show', () => {
    const comparison: PlanComparison = {
      label: 'worst case, ε 0.25',
      pairs: [
        {
          first: 'a',
          second: 'b',
          examples: 100,
          accuracyFirst: 0.36,
          accuracySecond: 0.6,
          onlyFirst: 1,
          onlySecond: 25,
          p: 8e-7,
          holm: 8e-7,
          smallestDifference: null,
        },
      ],
    };
    expect(comparisonTable(result, null, comparison, NAMES, 'latex')).toContain(
      `natural ${DDAG} / at-alp & 36.0 ${DAG} & 60.0 & 1 & 25 & $<$ 0.001 & $<$ 0.001 & -- \\\\`,
    );
    expect(comparisonTable(result, null, comparison, NAMES, 'csv').trim().split('\n')[1]).toBe(
      '"worst case, ε 0.25",natural,at-alp,100,0.36,0.6,1,25,8e-7,8e-7,,"No attack without gradients, of at least 1,000 queries, is among them.","red (full, ε 0.25, 2026-11-22)",not checked',
    );
  });

  it('classes and confusion name the classes, and what predicted nothing', () => {
    const classes: PlanClasses = {
      classes: ['cat', 'dog'],
      before: [
        [5, 1, 0],
        [0, 6, 0],
      ],
      after: [
        [2, 3, 1],
        [4, 2, 0],
      ],
      perClass: [
        { examples: 6, clean: 5 / 6, robust: 2 / 6, low: 0.1, high: 0.7 },
        { examples: 6, clean: 1, robust: 2 / 6, low: 0.1, high: 0.7 },
      ],
    };
    const shown = { model: NAMES.modelOf('a'), attacks: [column] };
    const latex = classesTable(classes, shown, 'latex');
    expect(latex).toContain(`cat & 6 & 83.3 & 33.3 ${DAG} & [10.0, 70.0] \\\\`);
    expect(latex).toContain(`Accuracy of natural ${DDAG} in`);
    expect(confusionTable(classes, shown, 'latex')).toContain('cat & 2 (5) & 3 (1) & 1 (0) \\\\');
    const lines = confusionTable(classes, shown, 'csv').trim().split('\n');
    expect(lines[0]).toBe('when,label,predicted cat,predicted dog,predicted not finite,model,remark,masking_check');
    expect(lines[3]).toBe(
      'after,cat,2,3,1,natural,One start: restarts may break more.,"red (full, ε 0.25, 2026-11-22)"',
    );
  });
});
