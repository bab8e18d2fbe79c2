import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { trainConfig } from '../../../shared/domain/training.ts';
import { packFolder } from '../../services/engine-pack/state.ts';
import { openPacked, type PackedDataset } from '../data/packed.ts';
import { BARS_ID, writeBars } from '../fixtures/bars.ts';
import { createControl } from '../jobs/control.ts';
import { train } from '../training/train.ts';
import type { TensorflowBackend } from './binding.ts';
import { loadEngine } from './load.ts';

const installed = existsSync(join(packFolder(), 'tfjs_binding.node'));
let scratch: string;
let dataset: PackedDataset;

beforeAll(async () => {
  if (!installed) return;
  await loadEngine('tensorflow', { enginePack: packFolder(), deterministic: false, threads: 1 });
  scratch = await mkdtemp(join(tmpdir(), 'pairlight-addon-'));
  await writeBars(join(scratch, 'data'));
  dataset = await openPacked(join(scratch, 'data'));
});
beforeEach(({ skip }) => {
  if (!installed) skip('the tensorflow engine pack is not installed');
});
afterAll(async () => {
  if (!installed) return;
  dataset.close();
  await rm(scratch, { recursive: true, force: true });
});

const backend = (): TensorflowBackend => tf.backend() as unknown as TensorflowBackend;

/** A short training; `onStep` is told each step that was taken. */
async function trained(folder: string, resume: boolean, onStep: (step: number) => void = () => undefined) {
  const { context } = createControl((message) => {
    if (message.type === 'point' && message.point.type === 'step') onStep(message.point.step);
  });
  const config = trainConfig.parse({
    dataset: BARS_ID,
    architecture: 'small-cnn',
    defence: 'at',
    defenceSettings: { attackSteps: 2, epsilon: 0.1 },
    trainer: { epochs: 3, batchSize: 16, validationSteps: 3, checkpointEvery: 2 },
    engine: 'tensorflow',
  });
  return train({ config, dataset, folder, resume, context });
}

describe('known faults of TensorFlow’s addon', () => {
  it('calls a function that Node 23 took away: it is there', () => {
    expect((util as { isNullOrUndefined?: (value: unknown) => boolean }).isNullOrUndefined?.(undefined)).toBe(true);
    // Attributes with a default type go through it.
    expect(tf.tidy(() => [...tf.linspace(0, 1, 3).dataSync()])).toEqual([0, 0.5, 1]);
  });

  it('computes on the memory of an array that it was given: a tensor keeps its numbers when the array changes', () => {
    // Memory at a multiple of 64 bytes is what it would take over.
    const memory = new ArrayBuffer(8192);
    const arrays = Array.from({ length: 64 }, (_, at) => new Float32Array(memory, at * 4, 1024).fill(1));
    const tensors = arrays.map((array) => tf.tensor1d(array));
    const before = tensors.map((tensor) => tf.tidy(() => tf.sum(tensor).dataSync()[0]));
    new Float32Array(memory).fill(7);
    expect(before).toEqual(arrays.map(() => 1024));
    expect(tensors.map((tensor) => tf.tidy(() => tf.sum(tensor).dataSync()[0]))).toEqual(before);
    tf.dispose(tensors);
  });

  it('leaks a tensor for each step of its own training: ours leaves none, however long it is', async () => {
    const counts: number[] = [];
    const before = tf.memory().numTensors;
    await trained(await mkdtemp(join(scratch, 'run-')), false, () => counts.push(tf.memory().numTensors));
    expect(tf.memory().numTensors).toBe(before);
    expect(counts.length).toBeGreaterThan(10);
    // The first steps still run operation by operation.
    expect(new Set(counts.slice(6)).size).toBe(1);
  });

  it('that loses its memory in the middle of a training: the step fails by name, the last checkpoint stays and carries on', async () => {
    const folder = await mkdtemp(join(scratch, 'lost-'));
    const lose = (step: number): void => {
      if (step !== 7) return;
      // What a device takes with it: everything that TensorFlow holds.
      for (let id = 0; id < 1e5; id++) backend().binding.deleteTensor(id);
    };
    await expect(trained(folder, false, lose)).rejects.toMatchObject({
      code: 'engine-failed',
      message: expect.stringMatching(/^The tensorflow engine failed in .*What was computed before is kept/),
      details: { engine: 'tensorflow' },
    });
    const checkpoints = await readdir(join(folder, 'checkpoints'));
    expect(checkpoints).toContain('step-00000006.npz');
    const steps: number[] = [];
    const result = await trained(folder, true, (step) => steps.push(step));
    expect(steps[0]).toBe(7);
    expect(result.cleanAccuracy).toBeGreaterThan(0.5);
  });
});
