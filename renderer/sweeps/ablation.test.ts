import { describe, expect, it } from 'vitest';
import type { SettingField } from '../../shared/domain/settings.ts';
import { sweepRequest } from '../../shared/domain/sweep.ts';
import { ablationsOf, ablationSweep, type AblatedRun } from './ablation.ts';

const number = (key: string, standard: number): SettingField => ({
  key,
  label: key,
  type: 'number',
  default: standard,
  nullable: false,
});
const entry = {
  ablations: [
    { name: 'no-attention', label: 'without attention pairing', settings: { beta: 0 } },
    { name: 'neither', label: 'without both', settings: { alpha: 0, beta: 0 } },
  ],
};
const catalogue = {
  architectures: [{ name: 'small-cnn', fields: [number('width', 1)] }],
  defences: [{ name: 'at-alp', fields: [number('alpha', 0.5), number('beta', 1), number('epsilon', 0.25)] }],
  attacks: [],
  trainer: [number('epochs', 6)],
};
const run: AblatedRun = {
  dataset: 'dataset-00000001',
  architecture: 'small-cnn',
  architectureSettings: { width: 2 },
  initial: { from: 'model', model: 'run-00000001' },
  freeze: ['stage1'],
  defence: 'at-alp',
  defenceSettings: { alpha: 0.5, beta: 1, epsilon: 0.3 },
  trainer: { epochs: 6 },
  seeds: [0, 1],
  engine: 'auto',
  deterministic: false,
};

describe('an ablation', () => {
  it('is left out where the defence is set like that already', () => {
    expect(ablationsOf(entry, { alpha: 0.5, beta: 0 }).map(({ name }) => name)).toEqual(['neither']);
    expect(ablationsOf(entry, { alpha: 0, beta: 0 })).toEqual([]);
  });

  it('is a sweep of the whole and of what is left of it, attacked at the ε of the training', () => {
    const request = ablationSweep(run, entry, 'AT+ALP: ablation', catalogue);
    expect(sweepRequest.parse(request)).toEqual(request);
    expect(request).toEqual({
      name: 'AT+ALP: ablation',
      dataset: 'dataset-00000001',
      base: {
        architecture: 'small-cnn',
        defence: 'at-alp',
        initial: 'run-00000001',
        freeze: ['stage1'],
        width: 2,
        alpha: 0.5,
        beta: 1,
        epsilon: 0.3,
      },
      list: [{}, { beta: 0 }, { alpha: 0, beta: 0 }],
      seeds: [0, 1],
      evaluate: {
        attacks: [
          { name: 'pgd', settings: { steps: 40 }, epsilons: null },
          { name: 'pgd', settings: { steps: 200, restarts: 10 }, epsilons: null },
        ],
        epsilons: [0.3],
      },
    });
  });
});
