import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EngineName } from '../../../shared/domain/engine.ts';
import { loadFixture } from '../fixtures/peers.ts';
import { testLosses } from '../losses-suite.ts';
import { Classifier } from '../models/classifier.ts';
import { buildNetwork, initialWeights } from '../models/network.ts';
import { loadWeights, saveWeights } from '../models/weights.ts';
import { testCompiledSteps } from './compile-suite.ts';
import { testKernels, testLayerKernels } from './kernels/kernel-suite.ts';
import { loadEngine } from './load.ts';
import { measureSpeed, selfTest } from './self-test.ts';

/** What every engine must do alike. `missing` says why the engine is not here; its tests are then skipped. */
export function testEngine(engine: EngineName, enginePack: string | null, missing: string | null): void {
  describe(`${engine} engine`, () => {
    beforeAll(async () => {
      if (missing === null) await loadEngine(engine, { enginePack, deterministic: false });
    });
    beforeEach(({ skip }) => {
      if (missing !== null) skip(missing);
    });
    // The adapter of webgpu's tests is a thousand times slower than a graphics card: small networks and few images.
    if (engine === 'webgpu') testLayerKernels();
    else testKernels();
    testLosses();
    if (engine !== 'webgpu') testCompiledSteps(engine);
    testPeers(engine === 'webgpu' ? { images: 16, runs: 1 } : { images: 256, runs: 4 });
    testLife(engine, enginePack);
  });
}

function testPeers({ images, runs }: { readonly images: number; readonly runs: number }): void {
  it.each(['small-nat', 'small-adv'] as const)(
    'logits and input gradients of %s are those of PyTorch',
    async (name) => {
      const peers = await loadFixture(name);
      const classifier = new Classifier(peers.network, peers.weights);
      const head = (array: string, count: number): ArrayLike<number | bigint> => {
        const { data, shape } = peers.array(array);
        return data.subarray(0, (data.length / shape[0]!) * count);
      };
      tf.tidy(() => {
        const x = tf.tensor4d(peers.examples.images.subarray(0, images * 784), [images, 28, 28, 1]);
        expect(largestError(classifier.logits(x), head('logits_clean', images))).toBeLessThan(2e-5);
        const count = Math.min(64, images);
        const labels = tf.tensor1d(peers.examples.labels.subarray(0, count), 'int32');
        const first = tf.slice(x, [0, 0, 0, 0], [count, 28, 28, 1]);
        for (let run = 0; run < runs; run++) {
          const { gradient } = classifier.lossGradient(first, labels);
          expect(largestError(gradient, head('grad_ce_clean64', count))).toBeLessThan(2e-5);
        }
      });
      classifier.dispose();
    },
  );
}

function largestError(actual: tf.Tensor, expected: ArrayLike<number | bigint>): number {
  const values = actual.dataSync<'float32'>();
  expect(values.length).toBe(expected.length);
  return values.reduce((worst, value, index) => Math.max(worst, Math.abs(value - Number(expected[index]))), 0);
}

const VERSIONS = {
  tensorflow: /^libtensorflow \d/,
  webgpu: /^tfjs-backend-webgpu 4\.22\.0, Dawn of webgpu \d/,
  wasm: /^tfjs-backend-wasm 4\.22\.0 \(SIMD\)/,
} as const;

function testLife(engine: EngineName, enginePack: string | null): void {
  describe('life', () => {
    let tensors = 0;
    beforeAll(() => {
      tensors = tf.memory().numTensors;
    });
    afterAll(() => {
      expect(tf.memory().numTensors).toBe(tensors);
    });

    it('passes its self-test, and would not with a wrong kernel', () => {
      expect(selfTest()).toMatchObject({ passed: true });
      const kernel = tf.getKernel('PairlightPoolGradient', engine);
      tf.unregisterKernel('PairlightPoolGradient', engine);
      const wrong: tf.KernelFunc = (call) => {
        const right = kernel.kernelFunc(call) as tf.TensorInfo;
        return tf.mul(right instanceof tf.Tensor ? right : tf.engine().makeTensorFromTensorInfo(right), 0.999);
      };
      tf.registerKernel({ ...kernel, kernelFunc: wrong });
      expect(selfTest()).toMatchObject({ passed: false });
      tf.unregisterKernel('PairlightPoolGradient', engine);
      tf.registerKernel(kernel);
    });

    it('measures its speed', async ({ skip }) => {
      if (engine === 'webgpu') skip('on an adapter that computes on the processor it takes minutes');
      const { gflops, gradientsPerSecond } = await measureSpeed();
      expect(gflops).toBeGreaterThan(0.1);
      expect(gradientsPerSecond).toBeGreaterThan(1);
    });

    it('is one per process, and says which', async () => {
      const options = { enginePack, deterministic: false };
      const { info, note } = await loadEngine('auto', options);
      expect(info.name).toBe(engine);
      expect(info.version).toMatch(VERSIONS[engine]);
      expect(note).toBeNull();
      await expect(loadEngine(engine === 'wasm' ? 'tensorflow' : 'wasm', options)).rejects.toMatchObject({
        code: 'conflict',
      });
    });

    it('reads weights that were saved, and refuses others by name', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'pairlight-weights-'));
      const file = join(folder, 'weights.npz');
      const network = buildNetwork('small-cnn', [28, 28, 1], 10);
      const weights = initialWeights(network, 3);
      await saveWeights(network, weights, file);
      const again = await loadWeights(network, file);
      for (const [name, tensor] of Object.entries(weights)) expect(again[name]!.dataSync()).toEqual(tensor.dataSync());
      const other = buildNetwork('lenet', [28, 28, 1], 10);
      await expect(loadWeights(other, file)).rejects.toMatchObject({
        code: 'wrong-architecture',
        message: expect.stringMatching(
          /weights\.npz.*conv1_w should be \[5, 5, 1, 6\], found \[5, 5, 1, 8\].*small-cnn with 10 classes/s,
        ) as string,
      });
      const broken = { ...weights, fc1_b: tf.fill([64], NaN) };
      await saveWeights(network, broken, file);
      await expect(loadWeights(network, file)).rejects.toMatchObject({
        code: 'bad-data',
        message: expect.stringMatching(/fc1_b/) as string,
      });
      await expect(loadWeights(network, join(folder, 'none.npz'))).rejects.toMatchObject({ code: 'not-found' });
      tf.dispose([broken.fc1_b, ...Object.values(weights), ...Object.values(again)]);
      await rm(folder, { recursive: true });
    });
  });
}
