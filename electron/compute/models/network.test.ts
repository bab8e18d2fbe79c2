import { expect, it } from 'vitest';
import { architectureEntries } from './architectures.ts';
import { buildNetwork, parameterCount } from './network.ts';

it('the architectures have the parameters that their papers say', () => {
  expect(parameterCount(buildNetwork('mnist-cnn', [28, 28, 1], 10))).toBe(3_274_634);
  expect(parameterCount(buildNetwork('lenet', [28, 28, 1], 10))).toBe(61_706);
  expect(parameterCount(buildNetwork('small-cnn', [28, 28, 1], 10))).toBe(208 + 3_216 + 784 * 64 + 64 + 650);
  const { taps, parameters } = buildNetwork('small-cnn', [28, 28, 1], 10);
  expect(taps).toEqual([
    { name: 'conv1', shape: [28, 28, 8] },
    { name: 'conv2', shape: [14, 14, 16] },
  ]);
  expect(parameters.map(({ name }) => name).join()).toBe('conv1_w,conv1_b,conv2_w,conv2_b,fc1_w,fc1_b,fc2_w,fc2_b');
  expect(architectureEntries().map(({ name }) => name)).toEqual(['small-cnn', 'mnist-cnn', 'lenet']);
});

it('wrong requests name the field and what is known', () => {
  expect(() => buildNetwork('resnet', [28, 28, 1], 10)).toThrow(
    /no architecture "resnet".*small-cnn, mnist-cnn, lenet/,
  );
  expect(() => buildNetwork('small-cnn', [28, 28, 1], 1)).toThrow(/at least 2 classes/);
  expect(() => buildNetwork('lenet', [8, 8, 1], 10)).toThrow(/8×8 are too small for lenet/);
});
