import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, expect, test } from 'vitest';
import { evaluationRequest } from '../../shared/domain/evaluation.ts';
import { trainConfig } from '../../shared/domain/training.ts';
import { usablePack } from './engines.ts';
import type { JobLauncher } from './job-transport.ts';
import { forkLauncher } from './launch-fork.ts';
import type { Library, LibraryOptions } from './library.ts';
import { openLibrary } from './open-library.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-memory-'));
const inner = forkLauncher(join(import.meta.dirname, '../compute/job-host.ts'));
const opened: Library[] = [];
afterEach(async () => {
  for (const library of opened.splice(0)) await library.dispose();
});
afterAll(() => rmSync(root, { recursive: true }));

/** Less than a job process has with its engine loaded, in bytes. */
const TOO_LITTLE = 120e6;
let pid = 0;
const launcher: JobLauncher = {
  launch: () => {
    const transport = inner.launch();
    pid = transport.pid ?? 0;
    return transport;
  },
};

async function open(name: string, options: Partial<LibraryOptions> = {}): Promise<Library> {
  const library = await openLibrary(join(root, name), { launcher, ...options });
  opened.push(library);
  return library;
}

const config = (library: Library, engine: 'wasm' | 'tensorflow' = 'wasm') =>
  trainConfig.parse({
    dataset: library.datasets.list()[0]?.id ?? '',
    architecture: 'small-cnn',
    defence: 'natural',
    deterministic: true,
    engine,
    trainer: { epochs: 1, batchSize: 8, trainLimit: 320, checkpointEvery: 5, validationEvery: 1, validationSteps: 1 },
  });

async function checkpointed(library: Library, id: string): Promise<void> {
  while ((library.runs.get(id).checkpointStep ?? 0) < 5) await new Promise((resolve) => setTimeout(resolve, 20));
}

test('a training above its limit of memory ends in order, keeps its checkpoint, and goes on with a higher limit', async () => {
  const first = await open('training');
  const { id } = await first.runs.create(config(first));
  await checkpointed(first, id);
  await first.dispose();
  const { checkpointStep } = await open('training', { serves: 'none' }).then((library) => library.runs.get(id));

  const limited = await open('training', { maxMemory: TOO_LITTLE });
  limited.jobs.resume(id);
  expect(await limited.jobs.wait(id)).toMatchObject({
    state: 'failed',
    error: {
      code: 'out-of-memory',
      message: expect.stringMatching(
        /^The job used \d+ MB of memory; its limit is 120 MB\. It goes on from its last checkpoint.*new run/,
      ),
      details: { limit: TOO_LITTLE },
    },
  });
  expect(limited.runs.get(id).checkpointStep).toBeGreaterThanOrEqual(checkpointStep ?? NaN);
  await limited.dispose();

  const free = await open('training');
  free.jobs.resume(id);
  expect(await free.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
  const { maxMemory } = free.preferences.set({ maxMemory: TOO_LITTLE });
  expect(maxMemory).toBe(TOO_LITTLE);
  const request = evaluationRequest.parse({
    dataset: free.datasets.list()[0]?.id,
    targets: [id],
    attack: { name: 'fgsm', settings: {} },
    engine: 'wasm',
  });
  const evaluation = await free.evaluations.create(request);
  expect(await free.jobs.wait(evaluation.id)).toMatchObject({
    state: 'failed',
    error: { code: 'out-of-memory', message: expect.stringMatching(/limit is 120 MB.*fewer examples/) },
  });
}, 120_000);

test.for(['wasm', 'tensorflow'] as const)(
  'a training on %s to which the system gives no more memory ends with an error that says so, and can go on',
  { timeout: 120_000 },
  async (engine, { skip }) => {
    if (process.platform !== 'linux') skip('only Linux takes memory from a running process');
    if (engine === 'tensorflow' && (await usablePack()) === null) skip('the tensorflow engine pack is not installed');
    const library = await open(`starved-${engine}`);
    const { id } = await library.runs.create(config(library, engine));
    await checkpointed(library, id);
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[0]);
    await promisify(execFile)('prlimit', [`--pid=${pid}`, `--as=${pages * 4096}`]);
    const job = await library.jobs.wait(id);
    expect(job).toMatchObject({ state: 'failed', error: { code: 'out-of-memory', retry: true } });
    library.jobs.resume(id);
    expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
  },
);
