import { describe, expect, it } from 'vitest';
import { plusMinus, ratioVerdict } from './wording.ts';

describe('the words for a ratio', () => {
  it('claim a change only where the interval excludes 1', () => {
    expect(ratioVerdict({ mean: 0.9, low: 0.85, high: 0.95 })).toBe('lower');
    expect(ratioVerdict({ mean: 1.1, low: 1.02, high: 1.2 })).toBe('higher');
    expect(ratioVerdict({ mean: 0.98, low: 0.94, high: 1.03 })).toBe('unclear');
  });

  it('give the larger half of the interval', () => {
    expect(plusMinus({ mean: 0.5, low: 0.4, high: 0.53 })).toBe('±0.10');
    expect(plusMinus(null)).toBe('');
  });
});
