import { describe, expect, it } from 'vitest';
import { differencePicture, diverging, gainFor, outcomeOf } from './difference.ts';

describe('the difference picture', () => {
  it('is near-white where nothing changed and reaches the ends at ±1/k', () => {
    const picture = differencePicture(Float32Array.of(0.5, 0.5, 0.5), Float32Array.of(0.5, 0.75, 0.25), 1, 4);
    expect([...picture]).toEqual([247, 247, 247, 255, 178, 24, 43, 255, 33, 102, 172, 255]);
  });

  it('shows colour channels around mid-grey', () => {
    const picture = differencePicture(Float32Array.of(0.5, 0.5, 0.5), Float32Array.of(0.6, 0.5, 0.4), 3, 5);
    expect([...picture]).toEqual([191, 128, 64, 255]);
  });

  it('clips beyond the ends of the scale', () => {
    expect(diverging(-3)).toEqual(diverging(-1));
  });

  it('offers the largest gain that an ε does not overrun', () => {
    expect(gainFor(0.25, [1, 2, 4, 8])).toBe(4);
    expect(gainFor(8 / 255, [1, 2, 4, 8, 16])).toBe(16);
    expect(gainFor(2, [1, 2])).toBe(1);
  });
});

describe('the outcome of an example', () => {
  it('tells wrong before the attack from broken by it', () => {
    expect(outcomeOf({ label: 1, cleanPrediction: 2, broken: true })).toBe('misclassified');
    expect(outcomeOf({ label: 1, cleanPrediction: 1, broken: true })).toBe('broken');
    expect(outcomeOf({ label: 1, cleanPrediction: 1, broken: false })).toBe('survived');
  });
});
