import { expect, test } from 'vitest';
import { moduleText } from './run-module.ts';

const hash = 'ab12cd34'.repeat(8);
const defences = [{ name: 'at' }, { name: 'calm', module: { file: 'calm.js', hash } }];

test('a run says which module its defence is of, and in which version', () => {
  expect(moduleText({ defence: 'calm', defenceModule: hash }, defences)).toBe('calm.js (ab12cd34)');
  const earlier = 'ef'.repeat(32);
  expect(moduleText({ defence: 'calm', defenceModule: earlier }, defences)).toMatch(/^efefefef, a version that is not/);
  expect(moduleText({ defence: 'at' }, defences)).toBe('');
});
