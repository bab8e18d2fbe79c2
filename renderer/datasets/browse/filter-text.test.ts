import { parse } from 'liqe';
import { describe, expect, it } from 'vitest';
import { complete, completionsAt, type FilterField } from './completion.ts';
import { faultOf, quoted, valuesOf, withValues } from './filter-text.ts';

describe('chips and the filter’s text', () => {
  it('read the same terms that they write', () => {
    const one = withValues('', 'split', ['test']);
    expect(one).toBe('split:test');
    const both = withValues(one, 'class', ['iris', 'dog rose']);
    expect(both).toBe('split:test (class:iris OR class:"dog rose")');
    expect(valuesOf(both, 'class')).toEqual(['iris', 'dog rose']);
    expect(valuesOf(both, 'split')).toEqual(['test']);
    expect(valuesOf(both, 'name')).toEqual([]);
  });

  it('change their own term and leave the rest as it was typed', () => {
    const text = 'brightness:<0.3 class:7 AND -name:*_07*';
    expect(withValues(text, 'class', ['1'])).toBe('brightness:<0.3 class:1 AND -name:*_07*');
    expect(withValues(text, 'class', [])).toBe('brightness:<0.3 -name:*_07*');
    expect(withValues('class:1 AND split:test', 'split', [])).toBe('class:1');
    expect(withValues('class:1 AND split:test', 'class', [])).toBe('split:test');
  });

  it('do not take a comparison, a negation or an alternative for their own', () => {
    expect(valuesOf('-class:1', 'class')).toEqual([]);
    expect(valuesOf('class:1 OR split:test', 'class')).toEqual([]);
    expect(valuesOf('(class:1 OR split:test)', 'class')).toEqual([]);
    expect(withValues('class:1 OR name:a', 'split', ['test'])).toBe('(class:1 OR name:a) split:test');
    expect(() => parse('(class:1 OR name:a) split:test')).not.toThrow();
  });

  it('write every name so that it is read as that name', () => {
    for (const name of [
      'iris',
      'dog rose',
      '7',
      '007',
      '1.0',
      'and',
      'NOT',
      'true',
      'a"b',
      'c\\d',
      'día',
      '(x)',
      'a:b',
    ]) {
      const text = withValues('', 'class', [name]);
      expect(faultOf(text), text).toBeNull();
      expect(valuesOf(text, 'class'), text).toEqual([name]);
    }
    expect(quoted('pink primrose')).toBe('"pink primrose"');
  });

  it('replace a text that cannot be read, and say where it goes wrong', () => {
    expect(faultOf('class:(')).toBe(6);
    expect(faultOf('')).toBeNull();
    expect(withValues('class:(', 'split', ['test'])).toBe('split:test');
  });
});

describe('completion', () => {
  const fields: readonly FilterField[] = [
    { name: 'class', help: '', values: ['rose', 'dog rose', 'iris'], numeric: false },
    { name: 'brightness', help: '', values: [], numeric: true },
    { name: 'column.class', help: '', values: [], numeric: false },
  ];
  const labels = (text: string, caret = text.length): string[] =>
    completionsAt(text, caret, fields).items.map(({ label }) => label);

  it('offers fields, those that begin with what is typed first', () => {
    expect(labels('')).toEqual(['class:', 'brightness:', 'column.class:']);
    expect(labels('split:test -cl')).toEqual(['class:', 'column.class:']);
    expect(labels('(cl')).toEqual(['class:', 'column.class:']);
  });

  it('offers the values of a field, and comparisons for numbers', () => {
    expect(labels('class:ro')).toEqual(['rose', 'dog rose']);
    expect(labels('class:"dog r')).toEqual(['dog rose']);
    expect(labels('brightness:')).toEqual(['>', '<', '>=', '<=']);
    expect(labels('brightness:<0')).toEqual([]);
    expect(labels('unknown:x')).toEqual([]);
  });

  it('replaces the word at the caret only', () => {
    const text = 'class:do split:test';
    const found = completionsAt(text, 8, fields);
    expect(complete(text, found, found.items[0]!)).toEqual({ text: 'class:"dog rose" split:test', caret: 17 });
  });
});
