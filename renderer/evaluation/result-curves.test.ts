import { describe, expect, it } from 'vitest';
import type { TargetResult } from '../../shared/domain/evaluation.ts';
import type { ResultCell, ResultTable } from '../../shared/domain/library.ts';
import type { SettingField } from '../../shared/domain/settings.ts';
import { epsilonCurves, restartCurves, restartDrop } from './result-curves.ts';

function target(model: string, byRestart: readonly number[]): TargetResult {
  return {
    model,
    threat: 'white-box',
    examples: 100,
    cleanAccuracy: 0.9,
    cleanInterval: [0.8, 0.95],
    robustAccuracy: byRestart.at(-1) ?? 0,
    robustInterval: [0, 1],
    finalIterateAccuracy: 0.5,
    byRestart: [...byRestart],
    perturbation: { linfMax: 0.25, l2Mean: 1, l2Median: 1 },
    nonFiniteGradients: 0,
    constraintViolations: 0,
  };
}

describe('accuracy over restarts', () => {
  it('has a point for each restart and says what the later ones cost', () => {
    const targets = [target('run-a', [0.6, 0.55, 0.5]), target('run-b', [0.4, 0.4, 0.4])];
    expect(restartCurves(targets)?.[0]?.points).toEqual([
      [1, 0.6],
      [2, 0.55],
      [3, 0.5],
    ]);
    expect(restartDrop(targets[0]!)).toBeCloseTo(10, 10);
    expect(restartDrop(targets[1]!)).toBe(0);
  });

  it('is nothing to draw for one start', () => {
    expect(restartCurves([target('run-a', [0.6])])).toBeNull();
    expect(restartDrop(target('run-a', [0.6]))).toBeNull();
  });
});

function cell(model: string, epsilon: number, steps: number, robustAccuracy: number): ResultCell {
  return {
    evaluation: 'evaluation-00000001',
    model,
    source: null,
    threat: 'white-box',
    attack: { name: 'pgd', settings: { epsilon, steps, stepSize: epsilon / 4 } },
    label: `PGD-${steps}, ε ${epsilon}`,
    examples: 100,
    cleanAccuracy: 0.9,
    robustAccuracy,
    robustInterval: [0, 1],
    weak: null,
  };
}

function table(cells: readonly ResultCell[]): ResultTable {
  return {
    dataset: 'dataset-00000001',
    models: ['run-a'],
    columns: cells.map((found) => ({ key: found.label, label: found.label, threat: found.threat })),
    cells: { 'run-a': Object.fromEntries(cells.map((found) => [found.label, found])) },
    clean: { 'run-a': 0.9 },
    worstCase: {},
    findings: [],
  };
}

const fields: readonly SettingField[] = [
  { key: 'epsilon', label: 'ε', type: 'number', default: 0.25, nullable: false },
  { key: 'steps', label: 'Steps', type: 'integer', default: 40, nullable: false },
  { key: 'stepSize', label: 'Step', type: 'number', default: null, nullable: true },
];
const fieldsOf = (): readonly SettingField[] => fields;

describe('accuracy over ε', () => {
  it('takes what a request left out from the defaults', () => {
    const bare = cell('run-a', 0.2, 40, 0.7);
    const found = epsilonCurves(
      table([cell('run-a', 0.1, 40, 0.8), { ...bare, attack: { name: 'pgd', settings: { epsilon: 0.2 } } }]),
      fieldsOf,
    );
    expect(found?.curves[0]?.points).toHaveLength(3);
  });

  it('joins the attacks that differ in ε alone, in order of ε, from clean accuracy at 0', () => {
    const found = epsilonCurves(
      table([cell('run-a', 0.3, 40, 0.5), cell('run-a', 0.1, 40, 0.8), cell('run-a', 0.2, 10, 0.7)]),
      fieldsOf,
    );
    expect(found?.label).toBe('PGD-40');
    expect(found?.curves).toEqual([
      {
        model: 'run-a',
        points: [
          [0, 0.9],
          [0.1, 0.8],
          [0.3, 0.5],
        ],
      },
    ]);
  });

  it('is nothing to draw where every attack ran at one ε', () => {
    expect(epsilonCurves(table([cell('run-a', 0.3, 40, 0.5), cell('run-a', 0.3, 10, 0.6)]), fieldsOf)).toBeNull();
  });
});
