import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CALLS } from '../../shared/contract/calls.ts';
import { checkRequest, checkResult } from '../../shared/domain/check.ts';
import { evaluationRequest } from '../../shared/domain/evaluation.ts';
import { librarySnapshot } from '../../shared/domain/library.ts';
import { trainConfig } from '../../shared/domain/training.ts';
import { checkText, stateOf } from './check-text.ts';
import { forkLauncher } from './launch-fork.ts';
import type { Library } from './library.ts';
import { openLibrary } from './open-library.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-checks-'));
const launcher = forkLauncher(join(import.meta.dirname, '../compute/job-host.ts'));
let library: Library;
let dataset: string;
let model: string;
let gray: string;
let black: string;

async function train(name: string, architecture: string, seed: number): Promise<string> {
  const trainer = { epochs: 2, batchSize: 32, trainLimit: 512, validationSteps: 1 };
  const config = trainConfig.parse({ name, dataset, architecture, defence: 'natural', trainer, seed });
  const { id } = await library.runs.create(config);
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
  return id;
}
const request = (change: object = {}) =>
  checkRequest.parse({ dataset, model, depth: 'quick', examples: { count: 40 }, ...change });

beforeAll(async () => {
  library = await openLibrary(join(root, 'library'), { launcher });
  dataset = library.datasets.list()[0]?.id ?? '';
  gray = await train('gray', 'small-cnn', 1);
  black = await train('black', 'lenet', 2);
  model = await train('checked', 'small-cnn', 0);
});
afterAll(async () => {
  await library.dispose();
  rmSync(root, { recursive: true });
});

test('a check runs as a job, takes undefended models as sources by itself, and stands beside the numbers of its model', async () => {
  const { id } = await library.checks.create(request());
  expect(await library.jobs.wait(id)).toMatchObject({ kind: 'check', state: 'done', error: null });
  const row = library.checks.get(id);
  expect(row).toMatchObject({ name: 'checked', request: { model, sources: [gray, black] } });
  const result = checkResult.parse(row.result);
  expect(result.indices).toHaveLength(40);
  // An undefended network hides nothing: every image is broken, and the check says so.
  expect(result).toMatchObject({ verdict: 'green', worstAccuracy: 0 });
  expect(librarySnapshot.parse(library.snapshot()).checks).toEqual([row]);

  const attack = { name: 'fgsm', settings: { epsilon: 0.1 } };
  const asked = { dataset, targets: [model, gray], attack, examples: { count: 8 } };
  const evaluation = await library.evaluations.create(evaluationRequest.parse(asked));
  await library.jobs.wait(evaluation.id);
  const table = CALLS['evaluations.table'].output.parse(await library.evaluations.table(dataset));
  expect(table.checks).toEqual({
    [model]: {
      check: id,
      verdict: 'green',
      depth: 'quick',
      epsilon: 0.25,
      summary: result.summary,
      created: row.created,
    },
  });
  expect(checkText(stateOf(library.checks.list(), model, dataset))).toBe(
    `green (quick, ε 0.25, ${row.created.slice(0, 10)})`,
  );
  expect(checkText(stateOf(library.checks.list(), gray, dataset))).toBe('not checked');

  expect(library.entities.delete(model).deleted).toContain('checked');
  expect(library.checks.list()).toEqual([]);
  library.entities.restore(model);
  expect(library.checks.list()).toHaveLength(1);
});

test.each([
  ['the model as its own source', () => ({ sources: [model] }), 'source-is-target', /is checked and a source at once/],
  ['a model that is not there', () => ({ model: 'run-0000000000' }), 'not-found', /run-0000000000/],
  ['a source that is not there', () => ({ sources: ['run-0000000000'] }), 'not-found', /run-0000000000/],
])('refuses %s before any work', async (_, change, code, message) => {
  const before = library.jobs.list().length;
  await expect(library.checks.create(request(change()))).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
  });
  expect(library.jobs.list()).toHaveLength(before);
});

test('an ε beyond 1 is refused by name', () => {
  expect(() => request({ epsilon: 1.5 })).toThrow(/epsilon/);
});
