import { expect, test } from 'vitest';
import { runAgainLabel } from './run-again.ts';

const FROM_CHECKPOINT = 'Resume from the last checkpoint';
const AGAIN = 'Run again';
const GO_ON = 'Go on where it stopped';

test.each([
  ['train', 'interrupted', 40, FROM_CHECKPOINT],
  ['train', 'cancelled', 40, FROM_CHECKPOINT],
  ['train', 'failed', null, AGAIN],
  ['evaluate', 'interrupted', null, AGAIN],
  ['import', 'failed', null, AGAIN],
  ['import', 'cancelled', null, AGAIN],
  ['import', 'interrupted', null, GO_ON],
  ['attention', 'cancelled', null, AGAIN],
  ['train', 'done', 40, null],
  ['evaluate', 'running', null, null],
] as const)('a %s that is %s with a checkpoint at %s: %s', (kind, state, checkpointStep, label) => {
  expect(runAgainLabel({ kind, state }, { checkpointStep })).toBe(label);
});

test('an import whose disk was full goes on where it stopped', () => {
  const error = { code: 'library-full', message: 'There is no space left.', retry: true } as const;
  expect(runAgainLabel({ kind: 'import', state: 'failed', error })).toBe(GO_ON);
});
