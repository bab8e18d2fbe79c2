import { expect, it } from 'vitest';
import { checkDepth } from './depth.ts';
import { buildNetwork } from './network.ts';

it('images that a network halves more often than they can be are refused, naming the layer', () => {
  expect(() => checkDepth(buildNetwork('resnet18', [64, 64, 3], 10))).not.toThrow();
  expect(() => checkDepth(buildNetwork('resnet18', [32, 32, 3], 10))).not.toThrow();
  expect(() =>
    checkDepth(buildNetwork('resnet18', [16, 16, 3], 10, false, { settings: { stem: 'small' } })),
  ).not.toThrow();
  expect(() => checkDepth(buildNetwork('resnet18', [12, 16, 3], 10))).toThrow(
    /resnet18 is too deep for images of 12×16: at layer4_0_conv1 \(stage layer4\) a single row or column is left to halve/,
  );
  expect(() => checkDepth(buildNetwork('cifar-resnet20', [2, 2, 1], 10))).toThrow(/layer3_0_conv1/);
});
