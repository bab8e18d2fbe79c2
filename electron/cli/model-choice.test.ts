import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { trainConfig } from '../../shared/domain/training.ts';
import { forkLauncher } from '../services/launch-fork.ts';
import { openLibrary } from '../services/open-library.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-model-choice-'));
const folder = join(root, 'library');
afterAll(() => rmSync(root, { recursive: true }));

interface Compared {
  readonly pairs: readonly { readonly first: string; readonly second: string }[];
}

/** Runs the command line from its sources. */
async function pairlight<T>(...args: readonly string[]): Promise<T> {
  const cli = [join(import.meta.dirname, 'cli.ts'), '--json', '--library', folder, ...args];
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  return JSON.parse((await promisify(execFile)(process.execPath, cli, { env })).stdout) as T;
}

test('RUN@ema names the averaged weights in a comparison and in a plan’s file, each time the same model', async () => {
  const library = await openLibrary(folder, {
    launcher: forkLauncher(join(import.meta.dirname, '../compute/job-host.ts')),
  });
  const config = trainConfig.parse({
    dataset: library.datasets.list()[0]?.id,
    architecture: 'small-cnn',
    defence: 'natural',
    engine: 'wasm',
    trainer: { epochs: 1, batchSize: 16, trainLimit: 32, validationSteps: 1, ema: 0.9 },
  });
  const { id } = await library.runs.create(config);
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
  await library.dispose();

  const models = [`${id}@last`, `${id}@ema`];
  const common = ['--dataset', 'MNIST sample', '--attack', 'fgsm', '--eps', '0.1', '--examples', '4'];
  const { pairs } = await pairlight<Compared>('compare', ...models, ...common, '--engine', 'wasm');
  const [{ first, second } = { first: '', second: '' }] = pairs;
  expect(first).toBe(id);
  expect(second).toMatch(/^model-/);

  const out = join(root, 'known');
  const known = await pairlight<{ readonly runs: string[]; readonly models: string[] }>(
    ...(['compare', `${id}@ema`, '--out', out] as const),
  );
  expect(known).toMatchObject({ runs: [id], models: [second] });
  const rows = readFileSync(join(out, 'MNIST-sample-results.csv'), 'utf8').trim().split('\n').slice(1);
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows) expect(row).toMatch(/\(averaged, step 2\)/);
  expect(readdirSync(out).filter((file) => file.endsWith('.svg'))).toHaveLength(1);

  const plan = join(root, 'plan.yaml');
  const asked = {
    dataset: 'MNIST sample',
    models,
    attacks: ['fgsm'],
    sources: ['white-box', models[1]],
    epsilons: [0.1],
  };
  writeFileSync(plan, JSON.stringify({ ...asked, examples: { count: 4 }, engine: 'wasm' }));
  const planned = await pairlight<{ readonly models: readonly string[] }>('evaluate', '--plan', plan);
  expect(planned.models).toEqual([id, second]);
}, 240_000);
