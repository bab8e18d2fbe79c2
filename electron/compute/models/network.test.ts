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

/** Published counts: torchvision's models, timm's resnetv2_50, and the networks of the papers' own code. */
it.each([
  ['cifar-resnet20', 32, 10, {}, 269_722],
  ['cifar-resnet32', 32, 10, {}, 464_154],
  ['cifar-resnet56', 32, 10, {}, 853_018],
  ['resnet18', 224, 1000, {}, 11_689_512],
  ['resnet18', 32, 10, { stem: 'small' }, 11_173_962],
  ['resnet50', 224, 1000, {}, 25_557_032],
  ['resnet50-v2', 224, 1000, {}, 25_549_352],
  ['preact-resnet18', 32, 10, {}, 11_172_170],
  ['wide-resnet', 32, 10, {}, 36_479_194],
  ['wide-resnet', 32, 10, { depth: 34 }, 46_160_474],
  ['vgg11-bn', 224, 1000, { classifier: 'published' }, 132_868_840],
  ['vgg16-bn', 224, 1000, { classifier: 'published' }, 138_365_992],
  ['mobilenet-v2', 224, 1000, {}, 3_504_872],
  ['mobilenet-v2', 224, 1000, { width: 0.5 }, 1_968_680],
] as const)(
  '%s at side %i with %i classes and %j has %i parameters that are trained',
  (name, side, classes, settings, count) => {
    const network = buildNetwork(name, [side, side, 3], classes, false, { settings });
    expect(network.settings).toEqual(settings);
    expect(parameterCount(network)).toBe(count);
    expect(parameterCount(frozenNetwork(network))).toBeLessThan(count);
    expect(networkOf(networkSpec(network))).toEqual(network);
    expect(networkOf(networkSpec(frozenNetwork(network)))).toEqual(frozenNetwork(network));
  },
);

it('a denoising block stands behind its stage and takes its tap over', () => {
  const plain = buildNetwork('preact-resnet18', [32, 32, 3], 10);
  const settings = { denoise: ['layer2', 'layer4'], denoiseMethod: 'bilateral' };
  const network = buildNetwork('preact-resnet18', [32, 32, 3], 10, false, { settings });
  // Two embeddings of half the channels, a 1×1 convolution and its γ and β.
  const block = (channels: number): number => 2 * channels ** 2 + 2 * channels;
  expect(parameterCount(network) - parameterCount(plain)).toBe(block(128) + block(512));
  expect(network.taps.map(({ name, layer }) => [name, layer])).toEqual([
    ['layer1', 'layer1_1'],
    ['layer2', 'layer2_denoise'],
    ['layer3', 'layer3_1'],
    ['layer4', 'layer4_denoise'],
  ]);
  const takers = network.layers.filter(({ inputs }) => inputs.includes('layer2_1')).map(({ name }) => name);
  expect(takers).toEqual(['layer2_denoise_theta', 'layer2_denoise_phi', 'layer2_denoise_filter', 'layer2_denoise']);
  expect(network.layers.find(({ name }) => name === 'layer3_0_bn1')?.inputs).toEqual(['layer2_denoise']);
  expect(network.layers.find(({ name }) => name === 'bn')?.inputs).toEqual(['layer4_denoise']);
});

it('stages that are held keep their weights and their statistics', () => {
  const network = buildNetwork('cifar-resnet20', [32, 32, 3], 10, true, { held: ['stem', 'layer1'] });
  const changing = network.parameters.filter(({ trainable, moving }) => trainable || moving);
  expect(changing.some(({ name }) => /^(conv1|bn1|layer1)_/.test(name))).toBe(false);
  expect(changing.filter(({ moving }) => moving).length).toBe(2 * 12);
  expect(networkOf(networkSpec(network))).toEqual(network);
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
  expect(entries.map(({ name }) => name)).toEqual([
    ...['small-cnn', 'mnist-cnn', 'lenet', 'convnet-64', 'cifar-resnet20', 'cifar-resnet32', 'cifar-resnet56'],
    ...[
      'resnet18',
      'resnet50',
      'resnet50-v2',
      'preact-resnet18',
      'wide-resnet',
      'vgg11-bn',
      'vgg16-bn',
      'mobilenet-v2',
    ],
  ]);
  for (const { name, layers } of entries) {
    expect(buildNetwork(name, [32, 32, 3], 2).taps.map((tap) => tap.name)).toEqual(layers);
  }
});

it('wrong requests name the field and what is known', () => {
  expect(() => buildNetwork('resnet', [28, 28, 1], 10)).toThrow(
    /no architecture "resnet".*small-cnn, mnist-cnn, lenet/,
  );
  expect(() => buildNetwork('small-cnn', [28, 28, 1], 1)).toThrow(/at least 2 classes/);
  expect(() => buildNetwork('lenet', [8, 8, 1], 10)).toThrow(
    /8×8 are too small for lenet: at conv2 \(stage conv2\) nothing/,
  );
  const made = (settings: Record<string, unknown>, held: string[] = []) =>
    buildNetwork('wide-resnet', [32, 32, 3], 10, false, { settings: settings as never, held });
  expect(() => made({ depth: 27 })).toThrow(/depth: a wide ResNet has 6n \+ 4 layers, so not 27; the nearest is 28/);
  expect(() => made({ widht: 2 })).toThrow(/architecture wide-resnet: .*widht/);
  expect(() => made({ denoise: ['layer9'] })).toThrow(
    /denoise: wide-resnet has no stage “layer9”; it has stem, layer1, layer2, layer3/,
  );
  expect(() => made({}, ['layer0'])).toThrow(/freeze: wide-resnet has no stage “layer0”/);
});
