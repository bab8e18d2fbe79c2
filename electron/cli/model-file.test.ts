import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';

const FIXTURES = join(import.meta.dirname, '../compute/fixtures');
const root = mkdtempSync(join(tmpdir(), 'pairlight-model-file-'));
const library = join(root, 'library');
/** Each command is a process with processes of its own, in milliseconds. */
const TIMEOUT = 180_000;
afterAll(() => rmSync(root, { recursive: true }));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly said: string;
}

/** Runs the command line from its sources. */
async function pairlight(...args: readonly string[]): Promise<Ended> {
  const cli = [join(import.meta.dirname, 'cli.ts'), '--library', library, '--json', ...args];
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  return promisify(execFile)(process.execPath, cli, { env }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, said: stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout,
      said: error.stderr,
    }),
  );
}

const square = ['--attack', 'square', '--eps', '0.2', '--queries', '20', '--examples', '5', '--engine', 'wasm'];
const evaluate = (file: string, ...flags: readonly string[]): Promise<Ended> =>
  pairlight('evaluate', '--model', file, '--dataset', 'MNIST sample', ...square, ...flags);

test(
  'an ONNX file is tried, taken into the library once, and attacked',
  async () => {
    const onnx = join(FIXTURES, 'foreign.onnx');
    const first = await evaluate(onnx, '--mean', '0.1307', '--deviation', '0.3081');
    expect(first.said).toMatch(/Tried on \d+ images/);
    expect(first.code).toBe(0);
    const { model, cleanAccuracy } = JSON.parse(first.out) as { model: string; cleanAccuracy: number };
    expect(cleanAccuracy).toBeGreaterThan(0.5);
    const second = await evaluate(onnx);
    expect(second.code).toBe(0);
    expect(JSON.parse(second.out)).toMatchObject({ model });
    expect(second.said).not.toMatch(/Tried on/);
  },
  TIMEOUT,
);

test(
  'what is wrong with a file, or missing, is named',
  async () => {
    const damaged = join(root, 'damaged.onnx');
    writeFileSync(damaged, readFileSync(join(FIXTURES, 'foreign.onnx')).subarray(0, 4000));
    expect(await evaluate(damaged)).toMatchObject({ code: 1, said: expect.stringContaining('damaged.onnx') as string });
    const weights = await evaluate(join(FIXTURES, 'fixture-small-nat.npz'));
    expect(weights).toMatchObject({ code: 2, said: expect.stringContaining('which architecture') as string });
    const gone = await evaluate(join(root, 'gone.onnx'));
    expect(gone).toMatchObject({ code: 1, said: expect.stringContaining('cannot be read') as string });
    const layout = await evaluate(join(FIXTURES, 'foreign.onnx'), '--layout', 'wide');
    expect(layout).toMatchObject({ code: 2, said: expect.stringContaining('nhwc, nchw') as string });
  },
  TIMEOUT,
);
