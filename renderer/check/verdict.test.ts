import { describe, expect, it } from 'vitest';
import type { CheckFigure } from '../../shared/domain/check.ts';
import { figureLimits, figureValue } from './verdict.ts';

const figure = (change: Partial<CheckFigure>): CheckFigure => ({
  label: '',
  value: 1,
  unit: 'points',
  amber: 5,
  red: 20,
  ...change,
});

describe('figures of the masking check', () => {
  it('have a unit, and a dash where they are not known', () => {
    expect(figureValue(12.504, 'points')).toBe('12.5 points');
    expect(figureValue(0.03, 'share')).toBe('3.0 %');
    expect(figureValue(0.423, 'number')).toBe('0.42');
    expect(figureValue(null, 'points')).toBe('–');
  });

  it('name the limits that they have', () => {
    expect(figureLimits(figure({}))).toBe('amber above 5 points, red above 20 points');
    expect(figureLimits(figure({ red: null }))).toBe('amber above 5 points');
    expect(figureLimits(figure({ unit: 'share', amber: null, red: 0.1 }))).toBe('red above 10.0 %');
    expect(figureLimits(figure({ amber: null, red: null }))).toBe('');
  });
});
