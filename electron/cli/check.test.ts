import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { checkRequest } from '../../shared/domain/check.ts';
import type { CheckItem, CheckResult } from '../../shared/domain/check.ts';
import { followUpLine } from './commands/check.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-check-command-'));
const library = join(root, 'a library');
/** Each command is a process with processes of its own, in milliseconds. */
const TIMEOUT = 240_000;
afterAll(() => rmSync(root, { recursive: true }));

/** Runs the command line from its sources. */
async function pairlight<T>(...args: readonly string[]): Promise<{ readonly result: T; readonly said: string }> {
  const cli = [join(import.meta.dirname, 'cli.ts'), '--json', ...args];
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, cli, { env });
  return { result: JSON.parse(stdout) as T, said: stderr };
}

/** A line's words, as a shell parts them. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}

const itemOf = ({ items }: CheckResult, name: string): CheckItem => items.find(({ item }) => item === name)!;

test(
  'of an ONNX classifier the check tells what it can, and its follow-up lines run just what they say',
  async () => {
    const onnx = join(import.meta.dirname, '../compute/fixtures/foreign.onnx');
    const data = ['--library', library, '--dataset', 'MNIST sample', '--engine', 'wasm'];
    const normalisation = ['--mean', '0.1307', '--deviation', '0.3081'];
    const square = ['--attack', 'square', '--queries', '5', '--examples', '5'];
    const made = await pairlight<{ model: string; weak: string; check: string }>(
      ...['evaluate', '--model', onnx, ...normalisation, ...data, ...square],
    );
    expect(made.result).toMatchObject({ check: 'not checked', weak: expect.stringContaining('5 queries') as string });

    const asked = [
      '--model',
      made.result.model,
      ...data,
      '--eps',
      '0.3',
      '--examples',
      '24',
      '--quick',
      '--no-sources',
    ];
    const { result, said } = await pairlight<CheckResult & { next: Readonly<Record<string, string>> }>(
      'check',
      ...asked,
    );
    // Each part is told when it is done.
    expect(said).toMatch(/4\/11 Gradient-free and transfer attacks: unknown\n/);
    expect(result.verdict).toBe('unknown');
    expect(result.summary).toMatch(/forward pass alone.*Attacks without gradients (leave|break)/);
    const answered = result.items.filter(({ verdict }) => verdict !== 'unknown').map(({ item }) => item);
    expect(answered).toEqual(['repeatable']);
    expect(itemOf(result, 'gradient-free').finding).toMatch(/Square, 1000 queries: [\d.]+ points?; [\d.]+ % are left/);
    expect(result.worstAccuracy).toBeLessThan(result.cleanAccuracy);
    for (const item of result.items.filter(({ verdict }) => verdict === 'unknown')) {
      expect(item).toMatchObject({
        attack: { name: 'square' },
        next: expect.stringMatching(/Attack it with/) as string,
      });
    }

    const line = result.next['iterations'] ?? '';
    const [program, ...words] = wordsOf(line);
    expect(program).toBe('pairlight');
    const { result: evaluation } = await pairlight<{ settings: object; indices: number[]; check: string }>(...words);
    expect(evaluation).toMatchObject({ settings: { queries: 5000, epsilon: 0.3 }, indices: result.indices });
    expect(evaluation.check).toMatch(/^unknown \(quick, ε 0\.3, \d{4}-\d\d-\d\d\)$/);
    const shown = await pairlight<CheckResult>('check', '--model', made.result.model, ...data, '--show');
    expect(shown.result).toMatchObject({ summary: result.summary, items: result.items });
  },
  TIMEOUT,
);

test('there is no line for what options cannot say', () => {
  const request = { dataset: 'dataset-00000000', model: 'run-00000000' };
  const attack = { name: 'pgd', settings: { epsilon: 0.25, steps: 100 } };
  const lineOf = (examples: object): string | null =>
    followUpLine(checkRequest.parse({ ...request, examples }), attack);
  expect(lineOf({ count: 50, sample: true })).toBe(
    'pairlight evaluate --model run-00000000 --dataset dataset-00000000 --attack pgd --set epsilon=0.25 --set steps=100 --examples 50 --sample --seed 0 --batch-size 250 --engine auto',
  );
  expect(lineOf({ count: null })).toBeNull();
  expect(lineOf({ count: 50, split: 'validation' })).toBeNull();
  expect(lineOf({ count: 50, sample: true, seed: 3 })).toBeNull();
});
