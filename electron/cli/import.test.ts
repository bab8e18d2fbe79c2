import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { encode } from 'fast-png';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { importPreview } from '../../shared/domain/dataset.ts';
import { importPlan } from '../../shared/domain/import-plan.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-import-command-'));
const library = join(root, 'library');
const pets = join(root, 'pets');
afterAll(() => rmSync(root, { recursive: true }));
beforeAll(() => {
  for (const [label, name] of ['cat', 'dog', 'owl'].entries()) {
    mkdirSync(join(pets, name), { recursive: true });
    for (let at = 0; at < 6; at += 1) {
      const data = new Uint8Array(10 * 8 * 3).fill(60 * label + at);
      writeFileSync(join(pets, name, `${at}.png`), encode({ width: 10, height: 8, channels: 3, depth: 8, data }));
    }
  }
  writeFileSync(join(pets, 'owl', 'bad.png'), 'bad');
});

/** Runs the command line from its sources, for a user with a data folder of their own. */
async function pairlight(...args: readonly string[]): Promise<string> {
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1', PAIRLIGHT_DATA: join(root, 'data') };
  const cli = [join(import.meta.dirname, 'cli.ts'), '--library', library, ...args];
  return (await promisify(execFile)(process.execPath, cli, { env, cwd: root })).stdout;
}

test('a dry run says what would be imported and saves the plan; the plan imports the same, with changes if asked', async () => {
  const chosen = ['--classes', 'owl=strix,cat', '--size', '5x4', '--fit', 'stretch', '--colour', 'grey', '--seed', '7'];
  const dry = await pairlight('--json', 'import', 'pets', ...chosen, '--dry-run', '--save-plan', 'plan.yaml');
  const preview = importPreview.parse(JSON.parse(dry));
  expect(preview).toMatchObject({
    format: 'folder',
    images: 12,
    shape: [4, 5, 1],
    classes: [
      { name: 'strix', images: 6 },
      { name: 'cat', images: 6 },
    ],
    skipped: [{ file: 'owl/bad.png' }],
  });
  expect(readdirSync(join(library, 'scratch'))).toEqual([]);
  const plan = importPlan.parse(parse(readFileSync(join(root, 'plan.yaml'), 'utf8')));
  expect(plan).toMatchObject({ path: pets, size: [5, 4], colour: 'grey', seed: 7 });

  const made: unknown = JSON.parse(await pairlight('--json', 'import', '--plan', 'plan.yaml', '--name', 'birds'));
  expect(made).toMatchObject({
    name: 'birds',
    images: 12,
    classes: 2,
    shape: [4, 5, 1],
    splits: preview.splits,
    skipped: [{ file: 'owl/bad.png', reason: expect.stringMatching(/^does not decode/) as string }],
  });
}, 120_000);

test('what is wrong with the options is named, and the exit status is that of bad usage', async () => {
  const failing = async (...args: readonly string[]): Promise<{ code: number; stderr: string }> =>
    pairlight('import', ...args).then(
      () => Promise.reject(new Error('was accepted')),
      (error: unknown) => error as { code: number; stderr: string },
    );
  expect(await failing()).toMatchObject({ code: 2 });
  expect(await failing('pets', '--size', 'huge')).toMatchObject({ code: 2 });
  expect(await failing('pets', '--classes', 'cat,unicorn', '--dry-run')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('The source has no class unicorn. It has cat, dog, owl.') as string,
  });
}, 120_000);
