import { expect, test } from 'vitest';
import { countEndToEnd } from './e2e-report.mjs';

const spec = (title: string, status: string, annotations: unknown[] = []) => ({
  title,
  tests: [{ status, annotations }],
});

test('counts passes, failures, flaky tests as failures, and skips with their reason', () => {
  const report = {
    errors: [],
    suites: [
      {
        title: 'story.spec.ts',
        specs: [spec('opens', 'expected'), spec('trains', 'unexpected'), spec('exports', 'flaky')],
        suites: [
          {
            title: 'gpu',
            specs: [spec('a', 'skipped', [{ type: 'skip', description: 'no GPU' }]), spec('b', 'skipped')],
          },
        ],
      },
    ],
  };
  expect(countEndToEnd(report)).toEqual({
    passed: 1,
    failed: 2,
    skipped: [
      { name: 'story.spec.ts > gpu > a', reason: 'no GPU' },
      { name: 'story.spec.ts > gpu > b', reason: 'a test before it failed' },
    ],
  });
});

test('an error outside every test counts as a failure', () => {
  expect(countEndToEnd({ errors: [{ message: 'no tests found' }], suites: [] }).failed).toBe(1);
});
