import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { importPlan } from '../../../shared/domain/import-plan.ts';
import type { JobRow } from '../../../shared/domain/library.ts';
import { writeNpz } from '../../compute/arrays/npz.ts';
import { stream } from '../../compute/random/stream.ts';
import { isAlive } from '../../store/lease.ts';
import { forkLauncher } from '../launch-fork.ts';
import type { Library, LibraryOptions } from '../library.ts';
import { openLibrary } from '../open-library.ts';
import { recordingLauncher } from '../recording-launcher.ts';

const jobHost = join(import.meta.dirname, '../../compute/job-host.ts');
const opened: Library[] = [];
let root: string;
let pictures: string;
let arrays: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'pairlight-import-service-'));
  pictures = join(root, 'pets');
  for (const name of ['cat', 'dog']) {
    mkdirSync(join(pictures, name), { recursive: true });
    for (let at = 0; at < 10; at += 1) {
      const data = new Uint8Array(48).fill(at * 20);
      writeFileSync(join(pictures, name, `${at}.png`), encode({ width: 8, height: 6, channels: 1, depth: 8, data }));
    }
  }
  writeFileSync(join(pictures, 'cat', 'bad.png'), 'bad');
  // So many that an import of them takes a second or more.
  const count = 30_000;
  const random = stream(0, 'pixels');
  arrays = join(root, 'many.npz');
  await writeNpz(arrays, {
    images: {
      dtype: 'u8',
      shape: [count, 12, 12, 1],
      data: Uint8Array.from({ length: count * 144 }, () => random.bits() >>> 24),
    },
    labels: { dtype: 'u8', shape: [count], data: Uint8Array.from({ length: count }, (_, at) => at % 3) },
  });
});
afterEach(async () => {
  for (const library of opened.splice(0)) await library.dispose();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function open(name: string, options: Partial<LibraryOptions> = {}): Promise<Library> {
  const library = await openLibrary(join(root, name), { launcher: forkLauncher(jobHost), sample: null, ...options });
  opened.push(library);
  return library;
}
const inside = (library: Library, folder: string): string[] => readdirSync(join(library.folder, folder));

/** Waits until the import has read some of its images. */
function halfway(library: Library, id: string): Promise<JobRow> {
  return new Promise((resolve) => {
    const stop = library.events.on('job.changed', (job) => {
      if (job.id !== id || job.progress?.message !== 'Importing' || job.progress.done < 5_000) return;
      stop();
      resolve(job);
    });
  });
}

test('a preview looks in a process of its own, tells how far it is, and leaves nothing once it is ended', async () => {
  const library = await open('preview');
  const told: string[] = [];
  library.events.on('dataset.preview', ({ token, message }) => told.push(`${token} ${message}`));
  const plan = importPlan.parse({ path: pictures });
  const found = await library.datasets.preview(plan, 'token123');
  expect(found).toMatchObject({ format: 'folder', images: 20, skipped: [{ file: 'cat/bad.png' }] });
  expect(told).toContain('token123 Looking at the files');
  const sample = await library.tensors.read(`pairlight://tensor/preview/${found.sample!.id}/sample?rows=0,19`);
  expect(sample).toMatchObject({ dtype: 'u8', shape: [2, 6, 8, 1] });
  const grey = await library.datasets.preview(
    importPlan.parse({ path: pictures, size: [4, 4], colour: 'rgb' }),
    'token123',
  );
  expect(grey.shape).toEqual([4, 4, 3]);
  expect(grey.sample!.id).not.toBe(found.sample!.id);
  expect(inside(library, 'scratch')).toHaveLength(1);
  await library.datasets.endPreview('token123');
  await library.datasets.endPreview('token123');
  expect(inside(library, 'scratch')).toEqual([]);
  await expect(library.tensors.read(`pairlight://tensor/preview/${found.sample!.id}/sample`)).rejects.toMatchObject({
    code: 'not-found',
  });
});

test('of two previews with one token the second counts; a preview that is ended is cancelled', async () => {
  const library = await open('replaced');
  const first = library.datasets
    .preview(importPlan.parse({ path: arrays }), 'token123')
    .catch((error: unknown) => error);
  const second = library.datasets.preview(importPlan.parse({ path: pictures }), 'token123');
  expect(await first).toMatchObject({ code: 'cancelled' });
  expect(await second).toMatchObject({ images: 20 });
  const third = library.datasets
    .preview(importPlan.parse({ path: arrays }), 'token123')
    .catch((error: unknown) => error);
  await library.datasets.endPreview('token123');
  expect(await third).toMatchObject({ code: 'cancelled' });
  expect(inside(library, 'scratch')).toEqual([]);
});

test('an import keeps its plan, lists what was left out as CSV, and leaves no scratch files', async () => {
  const library = await open('done');
  const plan = importPlan.parse({ path: pictures, seed: 4, validationShare: 0.2, nearDuplicates: 0 });
  const { id } = await library.datasets.import(plan);
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', title: 'Import pets' });
  expect(library.datasets.plan(id)).toEqual({ ...plan, name: 'pets' });
  const { name, bytes } = await library.datasets.skippedCsv(id);
  expect(name).toBe('pets - left out.csv');
  expect(new TextDecoder().decode(bytes)).toMatch(/^file,reason\ncat\/bad\.png,"does not decode/);
  const { pairs, total } = await library.datasets.duplicates(id);
  expect(total).toBe(pairs.length);
  expect(pairs.filter(({ equal }) => equal)).toContainEqual(expect.objectContaining({ a: 0, b: 10 }));
  expect(inside(library, 'scratch')).toEqual([]);
  const again = await library.datasets.import(library.datasets.plan(id)!);
  await library.jobs.wait(again.id);
  expect(library.datasets.get(again.id).manifest.hash).toBe(library.datasets.get(id).manifest.hash);
});

test(
  'an import that is killed is interrupted and goes on to the same data set; cancelled it leaves nothing',
  { timeout: 240_000 },
  async () => {
    const launcher = recordingLauncher();
    const library = await open('faults', { launcher });
    const { id: whole } = await library.datasets.import(importPlan.parse({ path: arrays, name: 'whole' }));
    expect(await library.jobs.wait(whole)).toMatchObject({ state: 'done' });

    const { id } = await library.datasets.import(importPlan.parse({ path: arrays, name: 'killed' }));
    await halfway(library, id);
    process.kill(launcher.pids.at(-1)!, 'SIGKILL');
    expect(await library.jobs.wait(id)).toMatchObject({ state: 'interrupted', error: { retry: true } });
    expect(library.datasets.list().map(({ manifest }) => manifest.name)).toEqual(['whole']);
    library.jobs.resume(id);
    expect(await library.jobs.wait(id)).toMatchObject({ state: 'done' });
    expect(library.datasets.get(id).manifest.hash).toBe(library.datasets.get(whole).manifest.hash);

    // One that was killed and is not wanted any more.
    const { id: dropped } = await library.datasets.import(importPlan.parse({ path: arrays, name: 'dropped' }));
    await halfway(library, dropped);
    process.kill(launcher.pids.at(-1)!, 'SIGKILL');
    await library.jobs.wait(dropped);
    expect(inside(library, 'datasets')).toContain(dropped);
    library.jobs.cancel(dropped);
    expect(library.jobs.get(dropped).state).toBe('cancelled');

    const { id: cancelled } = await library.datasets.import(importPlan.parse({ path: arrays }));
    await halfway(library, cancelled);
    library.jobs.pause(cancelled);
    while (library.jobs.get(cancelled).state !== 'paused') await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isAlive(launcher.pids.at(-1)!)).toBe(true);
    library.jobs.cancel(cancelled);
    expect(await library.jobs.wait(cancelled)).toMatchObject({ state: 'cancelled' });
    expect(inside(library, 'datasets').sort()).toEqual([whole, id].sort());
    expect(inside(library, 'scratch')).toEqual([]);
  },
);

test('what a process that died had in its scratch folder is removed at the next start', async () => {
  const library = await open('leftovers');
  const scratch = join(library.folder, 'scratch');
  await library.dispose();
  // A process number that no process has.
  mkdirSync(join(scratch, 'preview-4194305-token123'));
  mkdirSync(join(scratch, 'import-dataset-0123456789'));
  await open('leftovers');
  expect(existsSync(scratch)).toBe(true);
  expect(readdirSync(scratch)).toEqual([]);
});
