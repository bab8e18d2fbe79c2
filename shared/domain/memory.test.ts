import { expect, test } from 'vitest';
import { memoryText, parseMemory } from './memory.ts';

test.each([
  ['6G', 6e9],
  ['800 MB', 8e8],
  ['1.5gb', 1.5e9],
  ['2GiB', 2 ** 31],
  ['250000000', 2.5e8],
])('%s is a size of memory', (text, bytes) => {
  expect(parseMemory(text, '--max-memory')).toBe(bytes);
});

test.each(['', 'much', '-1G', '5', '99M', '1e9', '6P'])('“%s” is none, and the message names the option', (text) => {
  expect(() => parseMemory(text, '--max-memory')).toThrow(/^--max-memory: .*at least 100 MB.*6G or 800M/);
});

test('sizes are told in units that a person uses', () => {
  expect([memoryText(820e6), memoryText(8.23e9)]).toEqual(['820 MB', '8.2 GB']);
});
