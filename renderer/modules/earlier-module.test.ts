import { expect, it } from 'vitest';
import { earlierModule } from './earlier-module.ts';

const [now, before] = ['a'.repeat(64), 'b'.repeat(64)];
const attacks = [{ name: 'pgd' }, { name: 'own', module: { file: 'own.ts', hash: now } }];

it.each([
  ['of a built-in attack', { name: 'pgd' }, null],
  ['of the version of now', { name: 'own', module: now }, null],
  ['of an earlier version', { name: 'own', module: before }, before],
  ['of a module that is gone', { name: 'lost', module: now }, now],
])('a number %s is told as such', (_, spec, expected) => {
  expect(earlierModule(spec, attacks)).toBe(expected);
});
