import { expect, test } from 'vitest';
import { samePackages } from './dependencies.mjs';

const wanted = {
  '': { version: '0.1.0' },
  'node_modules/a': { version: '1.0.0' },
  'node_modules/a/node_modules/b': { version: '2.0.0' },
  'node_modules/only-elsewhere': { version: '3.0.0', optional: true },
};
const present = { 'node_modules/a': { version: '1.0.0' }, 'node_modules/a/node_modules/b': { version: '2.0.0' } };

test('an installation without the packages of other platforms is whole', () => {
  expect(samePackages(wanted, present)).toBe(true);
});

test.each([
  ['a missing package', { 'node_modules/a': { version: '1.0.0' } }],
  ['another version', { ...present, 'node_modules/a': { version: '1.0.1' } }],
  ['another version of an optional package', { ...present, 'node_modules/only-elsewhere': { version: '2.9.0' } }],
  ['a package that is no longer wanted', { ...present, 'node_modules/old': { version: '1.0.0' } }],
])('%s asks for a new installation', (_name, found) => {
  expect(samePackages(wanted, found)).toBe(false);
});
