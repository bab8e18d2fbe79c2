import { beforeEach, describe, expect, it } from 'vitest';
import { isText, isTextList, persisted } from './persisted.ts';

describe('persisted', () => {
  beforeEach(() => localStorage.clear());

  it('is remembered by the next one of that name', () => {
    persisted('view', 'datasets', isText).value = 'queue';
    expect(persisted('view', 'datasets', isText).value).toBe('queue');
  });

  it('starts anew when what is stored is broken or of another kind', () => {
    localStorage.setItem('pairlight.view', '{');
    expect(persisted('view', 'datasets', isText).value).toBe('datasets');
    localStorage.setItem('pairlight.view', '[1]');
    expect(persisted('view', 'datasets', isText).value).toBe('datasets');
    expect(persisted<readonly string[]>('view', [], isTextList).value).toEqual([]);
  });
});
