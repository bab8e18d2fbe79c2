import { describe, expect, it } from 'vitest';
import type { TargetResult } from '../../shared/domain/evaluation.ts';
import type { ResultCell, ResultTable } from '../../shared/domain/library.ts';
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

/** A number of PGD; columns of one family differ in ε alone. */
interface Given {
  readonly epsilon: number;
  readonly accuracy: number;
  readonly families?: readonly string[];
  readonly steps?: number;
  readonly model?: string;
  readonly clean?: number;
}

function table(numbers: readonly Given[]): ResultTable {
  const cells: Record<string, Record<string, ResultCell>> = {};
  const columns = new Map<string, ResultTable['columns'][number]>();
  for (const { epsilon, accuracy, families = ['40 steps'], steps = 40, model = 'run-a', clean = 0.9 } of numbers) {
    const label = `PGD-${steps}, ε ${epsilon}, 100 images`;
    const key = `${label} ${families.join()}`;
    columns.set(key, {
      key,
      label,
      heading: label,
      threat: 'white-box',
      sources: [],
      epsilon,
      families: [...families],
    });
    (cells[model] ??= {})[key] = {
      evaluation: 'evaluation-00000001',
      model,
      source: null,
      threat: 'white-box',
      attack: { name: 'pgd', settings: {} },
      settings: { epsilon, steps },
      label,
      seed: 0,
      split: 'test',
      engine: { name: 'wasm', version: '', device: '', threads: 1, deterministic: false },
      examples: 100,
      cleanAccuracy: clean,
      robustAccuracy: accuracy,
      robustInterval: [0, 1],
      carried: 0,
      counted: true,
      weak: null,
      notes: [],
    };
  }
  return {
    dataset: 'dataset-00000001',
    models: ['run-a', 'run-b'],
    columns: [...columns.values()],
    cells,
    clean: { 'run-a': 0.5 },
    cleanExamples: { 'run-a': 20 },
    worstBasis: null,
    worstCase: {},
    checks: {},
    findings: [],
  };
}

describe('accuracy over ε', () => {
  it('joins the columns of a family in order of ε, from the clean accuracy of their images at 0', () => {
    const found = epsilonCurves(
      table([
        { epsilon: 0.3, accuracy: 0.5 },
        { epsilon: 0.1, accuracy: 0.8 },
        { epsilon: 0.2, accuracy: 0.7, steps: 10, families: ['10 steps'] },
        { epsilon: 0.1, accuracy: 0.6, model: 'run-b', clean: 0.7 },
      ]),
    );
    expect(found?.label).toBe('PGD-40, 100 images');
    expect(found?.curves).toEqual([
      {
        model: 'run-a',
        points: [
          [0, 0.9],
          [0.1, 0.8],
          [0.3, 0.5],
        ],
      },
      {
        model: 'run-b',
        points: [
          [0, 0.7],
          [0.1, 0.6],
        ],
      },
    ]);
  });

  it('takes the widest of the families that a column is in', () => {
    const found = epsilonCurves(
      table([
        { epsilon: 0.1, accuracy: 0.8, families: ['step 0.01', 'step ε/10'] },
        { epsilon: 0.2, accuracy: 0.7, families: ['step 0.01', 'step ε/20'] },
        { epsilon: 0.2, accuracy: 0.6, families: ['step 0.02', 'step ε/10'] },
        { epsilon: 0.4, accuracy: 0.3, families: ['step 0.04', 'step ε/10'] },
      ]),
    );
    expect(found?.curves[0]?.points.map(([, accuracy]) => accuracy)).toEqual([0.9, 0.8, 0.6, 0.3]);
  });

  it('is nothing to draw where no two columns differ in ε alone', () => {
    expect(
      epsilonCurves(
        table([
          { epsilon: 0.3, accuracy: 0.5, families: ['a'] },
          { epsilon: 0.1, accuracy: 0.6, families: ['b'] },
        ]),
      ),
    ).toBeNull();
  });
});
