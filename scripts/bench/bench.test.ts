import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BenchOptions } from './options.ts';
import { workResult } from './results.ts';
import { runWork } from './run.ts';
import type { SteadyWork } from './works.ts';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'pairlight-bench-test-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const work: SteadyWork = {
  kind: 'attack',
  name: 'smoke',
  inQuick: true,
  title: 'PGD-2 on a small network',
  network: { architecture: 'small-cnn', shape: [12, 12, 1], classes: 3 },
  batch: 4,
  pgd: { steps: 2, epsilon: 1e-5, stepSize: 1e-5 },
  sides: ['wasm', 'foolbox'],
  targets: [{ text: 'foolbox', against: ['foolbox'], atLeast: 1 }],
  pace: {
    quick: { rounds: 2, sampleSeconds: 0.01 },
    full: { rounds: 2, sampleSeconds: 0.01 },
  },
};

it('one work runs through processes of its own, and its result has the shape of the JSON file', async () => {
  const options: BenchOptions = {
    extent: 'quick',
    python: null,
    threads: 1,
    rounds: null,
    quietSeconds: 0,
    mnist: '',
    scratch,
    enginePack: null,
  };
  const result = workResult.parse(await runWork(work, options));
  expect(result).toMatchObject({ kind: 'comparison', name: 'smoke', images: 4, verdicts: [] });
  if (result.kind !== 'comparison') return;
  // Without a Python that has it, the peer is not among the sides.
  expect(result.sides.map(({ name }) => name)).toEqual(['wasm']);
  const [side] = result.sides;
  expect(side?.samples).toHaveLength(2);
  expect(side?.examplesPerSecond).toBeGreaterThan(0);
  expect(side?.peakBytes).toBeGreaterThan(2 ** 20);
});
