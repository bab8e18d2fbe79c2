import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { moduleOverview } from '../../shared/domain/module.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-modules-command-'));
const library = join(root, 'library');
afterAll(() => rmSync(root, { recursive: true }));

/** Runs the command line from its sources, for a user with a data folder of their own. */
async function pairlight(...args: readonly string[]): Promise<string> {
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1', PAIRLIGHT_DATA: join(root, 'data') };
  const cli = [join(import.meta.dirname, 'cli.ts'), '--library', library, ...args];
  return (await promisify(execFile)(process.execPath, cli, { env })).stdout;
}

const listed = async (...flags: readonly string[]) =>
  moduleOverview.parse(JSON.parse(await pairlight('--json', 'modules', ...flags)));

test('modules of a library run after “modules --trust”, and no longer after “modules --no-trust”', async () => {
  mkdirSync(join(library, 'modules'), { recursive: true });
  const example = join(import.meta.dirname, '../../docs/examples/flat-logits.ts');
  copyFileSync(example, join(library, 'modules', 'flat-logits.ts'));
  expect(await pairlight('modules')).toMatch(/flat-logits\.ts .* not run: .*\n\n.*\n\nTrusted modules run with your/s);
  const train = ['train', '--dataset', 'MNIST sample', '--model', 'small-cnn', '--defence', 'flat-logits'];
  await expect(pairlight(...train)).rejects.toMatchObject({
    stderr: expect.stringMatching(/no built-in defence “flat-logits”.*“pairlight modules --trust”/s) as string,
  });
  expect(await listed('--trust')).toMatchObject({
    trusted: true,
    modules: [{ fault: null, contents: { defences: [{ name: 'flat-logits' }] } }],
  });
  expect(await pairlight('modules')).toMatch(/flat-logits\.ts .* attack flat-pgd; defence flat-logits/);
  expect(await listed('--no-trust')).toMatchObject({ trusted: false, modules: [{ contents: { defences: [] } }] });
}, 240_000);
