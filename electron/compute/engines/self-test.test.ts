import { expect, it } from 'vitest';
import { initialWeights } from '../models/network.ts';
import { grid, networkGradients } from './kernels/float64.ts';
import { loadEngine } from './load.ts';
import { SELF_TEST_REFERENCE } from './self-test-reference.ts';
import { sampledPositions, selfTestCase } from './self-test.ts';

it('the stored numbers of the self-test are the float64 gradients', async () => {
  await loadEngine('wasm', { enginePack: null, deterministic: true });
  const { network, seed, images, imageShape, labels } = selfTestCase();
  const weights = Object.entries(initialWeights(network, seed));
  const values = Object.fromEntries(weights.map(([name, tensor]) => [name, grid(tensor.shape, tensor.dataSync())]));
  const { gradients } = networkGradients(network, values, grid(imageShape, images), labels);
  expect(Object.keys(SELF_TEST_REFERENCE).sort()).toEqual(Object.keys(gradients).sort());
  for (const [name, { data }] of Object.entries(gradients)) {
    sampledPositions(data.length).forEach((position, index) => {
      expect(SELF_TEST_REFERENCE[name]![index]).toBeCloseTo(data[position]!, 10);
    });
  }
});
