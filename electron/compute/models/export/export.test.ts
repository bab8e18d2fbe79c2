import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import * as onnx from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shapeSize } from '../../arrays/npy.ts';
import { readNpz, type NpzArrays } from '../../arrays/npz.ts';
import type { SettingValues } from '../../../../shared/domain/settings.ts';
import { loadEngine, type Engine } from '../../engines/load.ts';
import { stream } from '../../random/stream.ts';
import { ARCHITECTURES } from '../architectures.ts';
import { extentsOf, readPixels } from '../foreign/reading.ts';
import { buildNetwork, forward, type Network } from '../network.ts';
import { weightsFromArrays } from '../weights.ts';
import { onnxFile, type OnnxLayout } from './onnx.ts';
import { formatSafetensors, parseSafetensors } from './safetensors.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await loadEngine('wasm', { enginePack: null, deterministic: true });
});
afterAll(() => engine.dispose());

/** Weights with statistics that do something; a few thousand random numbers over and over. */
function randomArrays(network: Network): NpzArrays {
  const normal = new Float32Array(4099);
  stream(5, 'export').fillNormal(normal, 0, normal.length);
  let position = 0;
  const next = (): number => normal[position++ % normal.length] ?? 0;
  return Object.fromEntries(
    network.parameters.map(({ name, shape }) => {
      const deviation = Math.sqrt(1 / Math.max(1, shapeSize(shape.slice(0, -1))));
      const positive = /_(variance|gamma|deviation)$/.test(name);
      const data = new Float32Array(shapeSize(shape));
      for (let at = 0; at < data.length; at += 1) {
        data[at] = positive ? 0.5 + Math.min(1, Math.abs(next())) : next() * deviation;
      }
      return [name, { dtype: 'f32', shape, data }];
    }),
  );
}

/** Largest difference of our logits and ONNX Runtime's, relative to the largest logit. */
async function difference(
  network: Network,
  arrays: NpzArrays,
  images: Float32Array,
  layout: OnnxLayout,
): Promise<number> {
  const [height, width, channels] = network.inputShape;
  const count = images.length / (height * width * channels);
  const ours = tf.tidy(() => {
    const weights = weightsFromArrays(network, arrays, 'test');
    return forward(
      network,
      weights,
      tf.tensor4d(images, [count, height, width, channels]),
    ).logits.dataSync<'float32'>();
  });
  const session = await onnx.InferenceSession.create(onnxFile(network, arrays, layout));
  const extents = extentsOf(layout, network.inputShape);
  const pixels = readPixels(
    { layout, range: 'unit', normalisation: null, output: 'logits' },
    images,
    network.inputShape,
  );
  const input = new onnx.Tensor('float32', pixels, [count, ...extents]);
  const { logits } = await session.run({ images: input });
  await session.release();
  expect(logits?.dims).toEqual([count, network.classes]);
  const theirs = logits?.data as Float32Array;
  const scale = ours.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
  return ours.reduce((most, value, at) => Math.max(most, Math.abs(value - (theirs[at] ?? NaN))), 0) / scale;
}

/** Every architecture with a side of its images; the large ones narrow, so that the test stays short. */
const SMALL: readonly (readonly [string, number, SettingValues])[] = [
  ['small-cnn', 30, { width: 0.5 }],
  ['mnist-cnn', 30, { width: 0.25 }],
  ['lenet', 30, {}],
  ['convnet-64', 33, { width: 0.25, denoise: ['conv2'], denoiseMethod: 'median' }],
  ['cifar-resnet20', 30, {}],
  ['cifar-resnet20', 16, { denoise: ['layer1', 'layer3'] }],
  ['cifar-resnet32', 16, { denoise: ['layer2'], denoiseMethod: 'non-local-dot' }],
  ['cifar-resnet56', 16, { denoise: ['stem'], denoiseMethod: 'mean' }],
  ['resnet18', 33, { width: 0.25 }],
  ['resnet18', 16, { width: 0.25, stem: 'small', denoise: ['layer2'], denoiseMethod: 'bilateral' }],
  ['resnet50', 33, { width: 0.25 }],
  ['resnet50-v2', 33, { width: 0.25 }],
  ['preact-resnet18', 16, { width: 0.25, denoise: ['layer3'] }],
  ['wide-resnet', 16, { depth: 10, width: 1 }],
  ['vgg11-bn', 33, { width: 0.125 }],
  ['vgg16-bn', 33, { width: 0.0625, classifier: 'published' }],
  ['mobilenet-v2', 33, { width: 0.5 }],
];

describe('ONNX Runtime computes the logits of an exported network', () => {
  it('that normalises its images', async () => {
    const network = buildNetwork('lenet', [28, 28, 3], 5, true);
    const images = new Float32Array(2 * shapeSize(network.inputShape));
    stream(6, 'images').fillUniform(images, 0, images.length, 0, 1);
    expect(await difference(network, randomArrays(network), images, 'nchw')).toBeLessThan(1e-4);
  });

  it.each(SMALL)('%s with %j', async (architecture, side, settings) => {
    const shape = [side, side - 1, side > 32 ? 3 : 1] as const;
    const network = buildNetwork(architecture, [...shape], 7, false, { settings });
    const images = new Float32Array(2 * shapeSize(shape));
    stream(6, 'images').fillUniform(images, 0, images.length, 0, 1);
    const arrays = randomArrays(network);
    const layouts: readonly OnnxLayout[] = side > 32 ? ['nchw'] : ['nchw', 'nhwc'];
    for (const layout of layouts) expect(await difference(network, arrays, images, layout)).toBeLessThan(1e-4);
  });

  it('and that is so of every architecture', () => {
    const tested = new Set(SMALL.map(([name]) => name));
    expect(ARCHITECTURES.map(({ name }) => name).filter((name) => !tested.has(name))).toEqual([]);
  });

  it('with normalised inputs', async () => {
    const network = buildNetwork('small-cnn', [16, 16, 3], 4, true);
    const images = new Float32Array(2 * 16 * 16 * 3);
    stream(7, 'images').fillUniform(images, 0, images.length, 0, 1);
    expect(network.parameters[0]?.name).toBe('input_mean');
    expect(await difference(network, randomArrays(network), images, 'nhwc')).toBeLessThan(1e-4);
  });

  it('of a trained network on its images, to 1e-5', async () => {
    const folder = join(import.meta.dirname, '..', '..', 'fixtures');
    const arrays = await readNpz(join(folder, 'fixture-small-adv.npz'));
    const network = buildNetwork('small-cnn', [28, 28, 1], 10);
    const pixels = arrays['images_u8']?.data as Uint8Array;
    const images = Float32Array.from(pixels.subarray(0, 16 * 784), (value) => value / 255);
    expect(await difference(network, arrays, images, 'nchw')).toBeLessThan(1e-5);
  });
});

it('an export of arrays of another network names what does not fit', () => {
  const network = buildNetwork('small-cnn', [28, 28, 1], 10);
  const other = randomArrays(buildNetwork('lenet', [28, 28, 1], 10));
  expect(() => onnxFile(network, other, 'nchw')).toThrow(/does not hold weights of small-cnn.*fits lenet/);
});

describe('safetensors', () => {
  it('come back as they were, and bytes are where the format says', () => {
    const arrays = randomArrays(buildNetwork('small-cnn', [28, 28, 1], 10));
    const bytes = formatSafetensors(arrays, { architecture: 'small-cnn' });
    expect(parseSafetensors(bytes, 'x')).toEqual(arrays);
    // As files are read: at some offset of a larger piece of memory.
    expect(parseSafetensors(Buffer.concat([Buffer.alloc(3), bytes]).subarray(3), 'x')).toEqual(arrays);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(Buffer.from(bytes.subarray(8, 8 + length)).toString()) as Record<string, unknown>;
    expect(header['__metadata__']).toEqual({ architecture: 'small-cnn' });
    expect(header['conv1_w']).toEqual({ dtype: 'F32', shape: [5, 5, 1, 8], data_offsets: [0, 800] });
    expect(length % 8).toBe(0);
  });

  it('that are damaged say so', () => {
    const bytes = formatSafetensors({ a: { dtype: 'f32', shape: [2], data: Float32Array.of(1, 2) } }, {});
    expect(() => parseSafetensors(bytes.subarray(0, bytes.length - 1), 'm')).toThrow(/m: a is cut short/);
    expect(() => parseSafetensors(bytes.subarray(0, 5), 'm')).toThrow(/m is no safetensors file/);
    expect(() => parseSafetensors(bytes.fill(0x7b, 8, 20), 'm')).toThrow(/damaged/);
  });
});
