import { expect, test } from 'vitest';
import { runAgainLabel } from './run-again.ts';

const FROM_CHECKPOINT = 'Resume from the last checkpoint';
const AGAIN = 'Run again';

test.each([
  ['train', 'interrupted', 40, FROM_CHECKPOINT],
  ['train', 'cancelled', 40, FROM_CHECKPOINT],
  ['train', 'failed', null, AGAIN],
  ['evaluate', 'interrupted', null, AGAIN],
  ['import', 'failed', null, AGAIN],
  ['attention', 'cancelled', null, AGAIN],
  ['train', 'done', 40, null],
  ['evaluate', 'running', null, null],
] as const)('a %s that is %s with a checkpoint at %s: %s', (kind, state, checkpointStep, label) => {
  expect(runAgainLabel({ kind, state }, { checkpointStep })).toBe(label);
});
