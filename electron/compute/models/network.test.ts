import { expect, it } from 'vitest';
import { architectureEntries } from './architectures.ts';
import { frozenNetwork } from './frozen.ts';
import { buildNetwork, networkOf, networkSpec, parameterCount } from './network.ts';

it('the architectures have the parameters that their papers say', () => {
  expect(parameterCount(buildNetwork('mnist-cnn', [28, 28, 1], 10))).toBe(3_274_634);
  expect(parameterCount(buildNetwork('lenet', [28, 28, 1], 10))).toBe(61_706);
  expect(parameterCount(buildNetwork('small-cnn', [28, 28, 1], 10))).toBe(208 + 3_216 + 784 * 64 + 64 + 650);
  const { taps, parameters } = buildNetwork('small-cnn', [28, 28, 1], 10);
  expect(taps).toEqual([
    { name: 'conv1', layer: 'conv1', shape: [28, 28, 8] },
    { name: 'conv2', layer: 'conv2', shape: [14, 14, 16] },
  ]);
  expect(parameters.map(({ name }) => name).join()).toBe('conv1_w,conv1_b,conv2_w,conv2_b,fc1_w,fc1_b,fc2_w,fc2_b');
});

it.each([
  ['cifar-resnet20', 32, 10, 269_722],
  ['cifar-resnet32', 32, 10, 464_154],
  ['cifar-resnet56', 32, 10, 853_018],
  ['resnet18', 224, 1000, 11_689_512],
  ['resnet50', 224, 1000, 25_557_032],
] as const)('%s at side %i with %i classes has %i parameters that are trained', (name, side, classes, count) => {
  const network = buildNetwork(name, [side, side, 3], classes);
  expect(parameterCount(network)).toBe(count);
  expect(parameterCount(frozenNetwork(network))).toBeLessThan(count);
  expect(networkOf(networkSpec(network))).toEqual(network);
  expect(networkOf(networkSpec(frozenNetwork(network)))).toEqual(frozenNetwork(network));
});

it('residual networks can be looked at where their stages end, frozen or not', () => {
  const network = buildNetwork('resnet50', [64, 64, 3], 17);
  expect(network.taps).toEqual([
    { name: 'layer1', layer: 'layer1_2', shape: [16, 16, 256] },
    { name: 'layer2', layer: 'layer2_3', shape: [8, 8, 512] },
    { name: 'layer3', layer: 'layer3_5', shape: [4, 4, 1024] },
    { name: 'layer4', layer: 'layer4_2', shape: [2, 2, 2048] },
  ]);
  expect(frozenNetwork(network).taps).toEqual(network.taps);
  expect(frozenNetwork(network).layers.some(({ kind }) => kind === 'norm')).toBe(false);
  const odd = buildNetwork('cifar-resnet20', [33, 31, 1], 3);
  expect(odd.taps.map(({ shape }) => shape)).toEqual([
    [33, 31, 16],
    [17, 16, 32],
    [9, 8, 64],
  ]);
});

it('the catalogue names every architecture with the layers that can be looked at', () => {
  const entries = architectureEntries();
  const names = ['small-cnn', 'mnist-cnn', 'lenet', 'cifar-resnet20', 'cifar-resnet32', 'cifar-resnet56', 'resnet18'];
  expect(entries.map(({ name }) => name)).toEqual([...names, 'resnet50']);
  for (const { name, layers } of entries) {
    expect(buildNetwork(name, [32, 32, 3], 2).taps.map((tap) => tap.name)).toEqual(layers);
  }
});

it('wrong requests name the field and what is known', () => {
  expect(() => buildNetwork('resnet', [28, 28, 1], 10)).toThrow(
    /no architecture "resnet".*small-cnn, mnist-cnn, lenet/,
  );
  expect(() => buildNetwork('small-cnn', [28, 28, 1], 1)).toThrow(/at least 2 classes/);
  expect(() => buildNetwork('lenet', [8, 8, 1], 10)).toThrow(/8×8 are too small for lenet/);
});
