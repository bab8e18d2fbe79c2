import { describe, expect, it } from 'vitest';
import { defaultStepSize } from '../../shared/domain/epsilon.ts';
import { attackAdvice, presetOf, presetValues } from './attack-advice.ts';

const strong = { epsilon: 0.25, steps: 40, stepSize: null, restarts: 10, randomStart: true };
const kinds = (settings: Parameters<typeof attackAdvice>[0]): string[] =>
  attackAdvice(settings, 10).map(({ kind }) => kind);

describe('advice on attack settings', () => {
  it('has nothing to say about several restarts with the default step', () => {
    expect(kinds(strong)).toEqual([]);
    expect(defaultStepSize(0.25, 40)).toBeCloseTo(0.015625, 12);
  });

  it('warns where steps × step size cannot reach ε, and not where it just does', () => {
    expect(kinds({ ...strong, stepSize: 0.006 })).toEqual(['out-of-reach']);
    expect(kinds({ ...strong, stepSize: 0.25 / 40 })).toEqual([]);
  });

  it('says from ε 0.5 on that every image can become flat grey', () => {
    expect(kinds({ ...strong, epsilon: 0.5 })).toEqual(['flat-grey']);
    expect(kinds({ ...strong, epsilon: 0.499 })).toEqual([]);
  });

  it('says that one random start is one draw', () => {
    expect(kinds({ ...strong, restarts: 1 })).toEqual(['single-start']);
    expect(kinds({ ...strong, restarts: 1, randomStart: false })).toEqual([]);
  });

  it('is silent about values that are no numbers yet', () => {
    expect(kinds({ epsilon: null, steps: null, stepSize: null })).toEqual([]);
    expect(kinds({ epsilon: Number.NaN, steps: 0 })).toEqual([]);
  });
});

describe('presets', () => {
  const fields = [
    { key: 'epsilon', label: 'ε', type: 'number', default: 0.3, nullable: false },
    { key: 'steps', label: 'Steps', type: 'integer', default: 40, nullable: false },
    { key: 'stepSize', label: 'Step', type: 'number', default: null, nullable: true },
  ] as const;
  const presets = [{ label: 'PGD-10', attack: 'pgd', settings: { steps: 10 } }];

  it('are filled up with the defaults of the fields', () => {
    expect(presetValues(fields, { steps: 10 })).toEqual({ epsilon: 0.3, steps: 10, stepSize: null });
  });

  it('leave ε as it is', () => {
    expect(presetValues(fields, { steps: 10 }, { epsilon: 0.1, steps: 77, stepSize: 0.5 })).toEqual({
      epsilon: 0.1,
      steps: 10,
      stepSize: null,
    });
  });

  it('are recognised at any ε, and not once a setting was changed', () => {
    expect(presetOf('pgd', { epsilon: 0.07, steps: 10, stepSize: null }, presets, fields)).toBe(0);
    expect(presetOf('pgd', { epsilon: 0.07, steps: 10, stepSize: 0.01 }, presets, fields)).toBe(-1);
    expect(presetOf('bim', { epsilon: 0.07, steps: 10, stepSize: null }, presets, fields)).toBe(-1);
  });
});
