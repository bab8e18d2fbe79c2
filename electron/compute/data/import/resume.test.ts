import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppError } from '../../../../shared/domain/errors.ts';
import { importPlan } from '../../../../shared/domain/import-plan.ts';
import type { ImportPlanInput } from '../../../../shared/domain/import-plan.ts';
import { writeNpz } from '../../arrays/npz.ts';
import { stream } from '../../random/stream.ts';
import { openItems } from '../items.ts';
import { importDataset } from './import-dataset.ts';
import { openJournal } from './journal.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pairlight-resume-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const COUNT = 4_000;
const ID = 'dataset-0123456789';

/** Noise in five classes; every tenth image is the same as the one before. */
async function writeSource(): Promise<string> {
  const random = stream(1, 'images');
  const data = Uint8Array.from({ length: COUNT * 48 }, () => random.bits() >>> 24);
  for (let at = 9; at < COUNT; at += 10) data.copyWithin(at * 48, (at - 1) * 48, at * 48);
  const file = join(root, 'set.npz');
  await writeNpz(file, {
    images: { dtype: 'u8', shape: [COUNT, 4, 4, 3], data },
    labels: { dtype: 'u8', shape: [COUNT], data: Uint8Array.from({ length: COUNT }, (_, at) => at % 5) },
  });
  return file;
}

function jobIn(name: string, plan: ImportPlanInput): Parameters<typeof importDataset>[0] {
  const folder = join(root, name);
  const scratch = join(root, `${name}-scratch`);
  mkdirSync(folder, { recursive: true });
  mkdirSync(scratch, { recursive: true });
  return { id: ID, folder, scratch, options: importPlan.parse(plan) };
}

const alone = { checkpoint: async (): Promise<void> => undefined, progress: (): void => undefined };

/** Everything that a data set holds, but when it was made. */
function contents(folder: string): unknown {
  const { created: _, ...manifest } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  const items = openItems(join(folder, 'items.db'))!;
  const rows = items.rows(Array.from({ length: items.count }, (_, position) => position));
  items.close();
  const bytes = (name: string): string => readFileSync(join(folder, name)).toString('base64');
  return {
    manifest,
    rows,
    images: bytes('images.u8'),
    labels: bytes('labels.u16'),
    splits: bytes('splits.u8'),
    skipped: bytes('skipped.csv'),
  };
}

test('an import that is killed goes on from its journal and comes to the same bytes', { timeout: 60_000 }, async () => {
  const plan = { path: await writeSource(), dropDuplicates: true, nearDuplicates: 8, seed: 3 };
  const job = jobIn('killed', plan);
  // One image in a millisecond, so that the journal is written before the end.
  const script = `
    import { importDataset } from ${JSON.stringify(join(import.meta.dirname, 'import-dataset.ts'))};
    const control = {
      checkpoint: () => new Promise((resolve) => setTimeout(resolve, 1)),
      progress: ({ done }) => process.send(done),
    };
    await importDataset(${JSON.stringify(job)}, control);
    process.send('done');
  `;
  const child = fork('-', [], {
    execArgv: ['--input-type=module', '-e', script],
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let last: unknown = 0;
  child.on('message', (message) => {
    last = message;
    // Behind a note of the journal, and not at one.
    if (typeof message === 'number' && message >= 2_600) child.kill('SIGKILL');
  });
  await once(child, 'exit');
  expect(last).toBeTypeOf('number');
  expect(existsSync(join(job.folder, 'manifest.json'))).toBe(false);

  const journal = openJournal(join(job.folder, 'items.db'));
  const noted = journal.state!.next;
  journal.close();
  expect(noted).toBeGreaterThan(100);
  let first: number | null = null;
  await importDataset(job, {
    ...alone,
    progress: ({ done, total }) => {
      if (total === COUNT) first ??= done;
    },
  });
  expect(first).toBe(noted + 1);

  const whole = jobIn('whole', plan);
  await importDataset(whole, alone);
  expect(contents(job.folder)).toEqual(contents(whole.folder));
  expect(JSON.parse(readFileSync(join(job.folder, 'manifest.json'), 'utf8'))).toMatchObject({ images: 3_600 });
});

test('an import that is cancelled between two images can go on, and begins anew with another plan', async () => {
  const path = await writeSource();
  const job = jobIn('stopped', { path });
  let calls = 0;
  const stopping = {
    ...alone,
    checkpoint: async (beforeStop?: () => Promise<void>): Promise<void> => {
      calls += 1;
      if (calls < 1_000) return;
      await beforeStop?.();
      throw new AppError('cancelled', 'Cancelled.');
    },
  };
  await expect(importDataset(job, stopping)).rejects.toMatchObject({ code: 'cancelled' });
  const journal = openJournal(join(job.folder, 'items.db'));
  expect(journal.state!.images).toBeGreaterThan(900);
  journal.close();
  const other = await importDataset(
    { ...job, options: importPlan.parse({ path, classes: ['3', '1'].map((name) => ({ from: name, name })) }) },
    alone,
  );
  expect(other).toMatchObject({ images: 1_600, classes: ['3', '1'], classCounts: [800, 800] });
});

test('an import whose images are not what its journal says begins anew', async () => {
  const job = jobIn('damaged', { path: await writeSource() });
  let calls = 0;
  const stopping = {
    ...alone,
    checkpoint: async (beforeStop?: () => Promise<void>): Promise<void> => {
      if ((calls += 1) < 2_000) return;
      await beforeStop?.();
      throw new AppError('cancelled', 'Cancelled.');
    },
  };
  await expect(importDataset(job, stopping)).rejects.toMatchObject({ code: 'cancelled' });
  truncateSync(join(job.folder, 'images.u8'), 1_000);
  const { hash } = await importDataset(job, alone);
  expect(hash).toBe((await importDataset(jobIn('good', { path: job.options.path }), alone)).hash);
});

test('a finished import that is run again says what it made', async () => {
  const job = jobIn('twice', { path: await writeSource() });
  const manifest = await importDataset(job, alone);
  rmSync(job.options.path);
  expect(await importDataset(job, alone)).toEqual(manifest);
});
