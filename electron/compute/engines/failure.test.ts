import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../shared/domain/errors.ts';
import { packFolder } from '../../services/engine-pack/state.ts';
import type { TensorflowBackend } from './binding.ts';
import { engineFailure, jobFailure } from './failure.ts';
import { loadEngine } from './load.ts';

/** What `work` throws. */
function thrownBy(work: () => unknown): AppError {
  try {
    work();
  } catch (thrown) {
    return jobFailure(thrown);
  }
  throw new Error('Nothing was thrown.');
}

describe('a failure on the tensorflow engine', () => {
  beforeEach(async ({ skip }) => {
    if (!existsSync(join(packFolder(), 'tfjs_binding.node'))) skip('the tensorflow engine pack is not installed');
    await loadEngine('tensorflow', { enginePack: packFolder(), deterministic: false, threads: 1 });
  });

  it('of an operation names engine and operation, and the engine goes on', () => {
    const backend = tf.backend() as unknown as TensorflowBackend;
    const attributes = [
      { name: 'T', type: backend.binding.TF_ATTR_TYPE, value: backend.binding.TF_FLOAT },
      { name: 'message', type: backend.binding.TF_ATTR_STRING, value: 'seen here' },
    ];
    const values = tf.tensor1d([1, NaN]);
    const error = thrownBy(() => backend.executeSingleOutput('CheckNumerics', attributes, [values]));
    expect(error).toMatchObject({
      code: 'engine-failed',
      message: expect.stringMatching(/^The tensorflow engine failed in CheckNumerics: .*seen here.*NaN/),
      details: { engine: 'tensorflow', operation: 'CheckNumerics' },
    });
    expect([...tf.add(tf.tensor1d([1, 2]), 1).dataSync()]).toEqual([2, 3]);
  });

  it('for want of memory says so, and the engine goes on', () => {
    const before = tf.memory().numTensors;
    expect(thrownBy(() => tf.tidy(() => tf.fill([300_000, 300_000], 1).dataSync()))).toMatchObject({
      code: 'out-of-memory',
      message: expect.stringMatching(/found no memory in Fill; this process uses .*smaller batch/),
    });
    expect(tf.memory().numTensors).toBe(before);
    expect(tf.sum(tf.ones([10])).dataSync()[0]).toBe(10);
  });
});

it('an array for which there is no room is told as missing memory', () => {
  expect(thrownBy(() => new Float32Array(2 ** 40))).toMatchObject({
    code: 'out-of-memory',
    message: expect.stringMatching(/no memory for an array/),
  });
});

it('WebAssembly that gives up near its 4 GB has run out of memory, and has failed otherwise', () => {
  const end = new WebAssembly.RuntimeError('Aborted(). Build with -sASSERTIONS for more info.');
  expect(engineFailure(end, 'wasm', null, 4.1e9)).toMatchObject({ code: 'out-of-memory', details: { engine: 'wasm' } });
  expect(engineFailure(end, 'wasm', null, 5e8)).toMatchObject({ code: 'engine-failed' });
});

it('other errors stay what they are', () => {
  const own = new AppError('bad-data', 'x');
  expect(jobFailure(own)).toBe(own);
  expect(jobFailure(new RangeError('Maximum call stack size exceeded'))).toMatchObject({ code: 'internal' });
});
