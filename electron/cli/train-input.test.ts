import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { writeNpz } from '../compute/arrays/npz.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-train-input-'));
afterAll(() => rmSync(root, { recursive: true }));

/** Exit status and standard error of the command line, run from its sources. */
async function train(...args: readonly string[]): Promise<{ readonly code: number; readonly stderr: string }> {
  const cli = [join(import.meta.dirname, 'cli.ts'), '--library', join(root, 'library'), '--quiet', 'train'];
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  const all = [...cli, '--dataset', 'MNIST sample', ...args];
  const ended = promisify(execFile)(process.execPath, all, { env }).then(
    ({ stderr }) => ({ code: 0, stderr }),
    (thrown: unknown) => thrown as { readonly code: number; readonly stderr: string },
  );
  const { code, stderr } = await ended;
  return { code, stderr };
}

test.for([
  ['small-cnn at-alp layers=[conv9]', 'layers: this architecture has no layer “conv9”; it has conv1, conv2.'],
  ['small-cnn clp batchSize=1', 'batchSize: clp pairs images of a batch with each other: take at least 2.'],
  ['vgg16-bn at batchSize=8', 'Images of 28×28 are too small for vgg16-bn: at '],
  ['small-cnn alp alpha=-1', 'defence alp: alpha: must be at least 0 (it is -1)'],
  ['small-cnn at learningrate=0.1', 'train: unknown key “learningrate” (did you mean “learningRate”?)'],
] as const)('a training of %s is refused with what is wrong', { timeout: 120_000 }, async ([asked, message]) => {
  const [architecture, defence, setting] = asked.split(' ') as [string, string, string];
  const { code, stderr } = await train('--model', architecture, '--defence', defence, '--set', setting);
  expect(stderr).toContain(`pairlight: ${message}`);
  expect(code).toBe(2);
});

test('weights of another shape are refused with both shapes', async () => {
  const file = join(root, 'other.npz');
  await writeNpz(file, { conv1_w: { dtype: 'f32', shape: [3, 3, 1, 8], data: new Float32Array(72) } });
  const { code, stderr } = await train('--model', 'small-cnn', '--defence', 'natural', '--initial', file);
  expect(stderr).toContain('other.npz does not fit small-cnn: conv1_w should be [5, 5, 1, 8], found [3, 3, 1, 8].');
  expect(code).toBeGreaterThan(0);
}, 120_000);
