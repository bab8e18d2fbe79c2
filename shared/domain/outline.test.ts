import { describe, expect, it } from 'vitest';
import { outlinePath } from './outline.ts';

describe('the outline of a key area', () => {
  it('goes round one cell', () => {
    expect(outlinePath([0, 0, 0, 0, 1, 0, 0, 0, 0], 3, 3)).toBe('M1 1H2M1 2H2M1 1V2M2 1V2');
  });

  it('joins neighbouring edges and leaves inner ones out', () => {
    expect(outlinePath([1, 1, 1, 1], 2, 2)).toBe('M0 0H2M0 2H2M0 0V2M2 0V2');
  });

  it('keeps cells that only touch at a corner apart', () => {
    const path = outlinePath([1, 0, 0, 1], 2, 2);
    expect(path.match(/M/g)).toHaveLength(6);
    expect(path).toContain('M0 1H2');
    expect(path).toContain('M1 0V2');
  });

  it('is empty without a key area', () => {
    expect(outlinePath(new Float32Array(4), 2, 2)).toBe('');
  });
});
