import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHECK_ITEMS, checkRequest, checkResult } from '../../shared/domain/check.ts';
import type { Library } from './library.ts';
import { openLibrary } from './open-library.ts';
import { recordingLauncher } from './recording-launcher.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-check-faults-'));
const launcher = recordingLauncher();
const { pids } = launcher;
let library: Library;
let dataset: string;
let model: string;

beforeAll(async () => {
  library = await openLibrary(root, { launcher });
  dataset = library.datasets.list()[0]?.id ?? '';
  const path = join(import.meta.dirname, '../compute/fixtures/fixture-small-adv.npz');
  model = (await library.models.import({ path, architecture: 'small-cnn', dataset, name: 'adv' })).id;
});
afterAll(async () => {
  await library.dispose();
  rmSync(root, { recursive: true });
});

const request = () =>
  checkRequest.parse({
    dataset,
    model,
    depth: 'quick',
    examples: { count: 24 },
    engine: 'wasm',
    deterministic: true,
  });
const partialOf = (id: string): number => library.checks.get(id).partial.length;

/** Looks at short intervals until something is so. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('a check killed −9 between two parts, and while it was paused, and cancelled, goes on to the same report', async () => {
  const { id: whole } = await library.checks.create(request());
  expect(await library.jobs.wait(whole)).toMatchObject({ state: 'done', error: null });
  const expected = checkResult.parse(library.checks.get(whole).result);

  const { id } = await library.checks.create(request());
  await until(() => partialOf(id) === 1);
  process.kill(pids.at(-1)!, 'SIGKILL');
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'interrupted', error: { code: 'job-crashed' } });
  // What was found is still told.
  expect(library.checks.get(id)).toMatchObject({ result: null, partial: [{ item: CHECK_ITEMS[0] }] });

  library.jobs.resume(id);
  await until(() => partialOf(id) >= 2);
  library.jobs.pause(id);
  await until(() => library.jobs.get(id).state === 'paused');
  const paused = partialOf(id);
  process.kill(pids.at(-1)!, 'SIGKILL');
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'interrupted' });

  const told: number[] = [];
  const off = library.events.on('check.partial', ({ items }) => told.push(items.length));
  library.jobs.resume(id);
  await until(() => partialOf(id) > paused);
  library.jobs.cancel(id);
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'cancelled' });
  expect(existsSync(join(root, 'checks', id, 'parts.json'))).toBe(true);

  library.jobs.resume(id);
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
  off();
  // No part was done twice.
  expect(told).toEqual([...told].sort((a, b) => a - b));
  expect(told[0]).toBe(paused);
  const found = checkResult.parse(library.checks.get(id).result);
  expect({ ...found, seconds: 0 }).toEqual({ ...expected, seconds: 0 });
  expect(found.seconds).toBeGreaterThan(0);
  expect(library.checks.get(id).partial).toEqual(found.items);
  expect(readdirSync(join(root, 'checks', id)).filter((name) => name !== 'job.log')).toEqual([]);
}, 240_000);
