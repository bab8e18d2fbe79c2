import { describe, expect, it } from 'vitest';
import type { SettingField } from '../../shared/domain/settings.ts';
import type { RunRow } from '../../shared/domain/library.ts';
import type { TrainPoint } from '../../shared/domain/train-point.ts';
import { keySettings, latestAccuracy, settingText, trainingRows } from './rows.ts';

const field = (key: string, label: string, standard: number | null, advanced = false): SettingField => ({
  key,
  label,
  type: 'number',
  default: standard,
  nullable: true,
  advanced,
});
const fields = [
  field('epsilon', 'ε', 0.25),
  field('attackSteps', 'Attack steps', 10),
  field('alpha', 'α logit pairing', 0.5),
  field('share', 'Share', 0.5, true),
];

describe('keySettings', () => {
  it('names ε and weights always, others where they differ from the default, by symbol where there is one', () => {
    expect(keySettings(fields, { epsilon: 0.25, attackSteps: 10, alpha: 1, share: 0.9 })).toBe('ε 0.25, α 1');
    expect(keySettings(fields, { epsilon: 0.1, attackSteps: 40, alpha: null })).toBe('ε 0.1, Attack steps 40');
  });

  it('writes values for reading', () => {
    expect(settingText(null)).toBe('–');
    expect(settingText(['conv1', 'conv2'])).toBe('conv1, conv2');
    expect(settingText(1 / 3)).toBe('0.3333');
  });
});

const run = (id: string, created: string, part: Partial<RunRow> = {}): RunRow => ({
  id,
  name: id,
  config: {
    dataset: 'dataset-00000000',
    architecture: 'small-cnn',
    defence: 'at',
    defenceSettings: {},
    seed: 0,
    engine: 'auto',
    deterministic: false,
  } as unknown as RunRow['config'],
  state: 'running',
  colour: 0,
  result: null,
  engine: null,
  error: null,
  checkpointStep: null,
  created,
  ended: null,
  ...part,
});

it('lists runs newest first', () => {
  const rows = trainingRows([run('run-a', '2026-01-01'), run('run-b', '2026-01-02')], [], new Map());
  expect(rows.map((row) => row.id)).toEqual(['run-b', 'run-a']);
});

it('takes the accuracy of the last validation until there is a result', () => {
  const validation = (step: number, clean: number): TrainPoint => ({
    type: 'validation',
    step,
    epoch: 1,
    cleanAccuracy: clean,
    adversarialAccuracy: clean / 2,
    examples: 5,
  });
  expect(latestAccuracy(run('run-a', ''), [])).toEqual({ clean: null, adversarial: null });
  expect(latestAccuracy(run('run-a', ''), [validation(1, 0.2), validation(2, 0.4)])).toEqual({
    clean: 0.4,
    adversarial: 0.2,
  });
  const result = { steps: 1, epochs: 1, seconds: 1, cleanAccuracy: 0.9, adversarialAccuracy: 0.6, parameters: 1 };
  expect(latestAccuracy(run('run-a', '', { result }), [validation(1, 0.2)])).toEqual({ clean: 0.9, adversarial: 0.6 });
});
