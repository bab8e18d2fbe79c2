import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { root } from './launch.ts';

/** Files that other programs made, or that were trained elsewhere. */
export const MODEL_FILES = {
  onnx: fixture('foreign.onnx'),
  plainWeights: fixture('fixture-small-nat.npz'),
  robustWeights: fixture('fixture-small-adv.npz'),
} as const;

function fixture(name: string): string {
  return join(root, 'electron', 'compute', 'fixtures', name);
}

const LAYERS = ['conv1', 'conv2', 'fc1', 'fc2'] as const;

/** Saves the plain network's weights as tfjs does: `model.json` with its weights beside it. */
export function writeTfjsModel(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const entries = unzipSync(readFileSync(MODEL_FILES.plainWeights));
  const arrays = LAYERS.flatMap((layer) => [
    { name: `${layer}/kernel`, ...readNpy(entries[`${layer}_w.npy`]!) },
    { name: `${layer}/bias`, ...readNpy(entries[`${layer}_b.npy`]!) },
  ]);
  const unitsOf = (layer: string): number => arrays.find(({ name }) => name === `${layer}/bias`)!.shape[0]!;
  const conv = (name: string): object => ({
    class_name: 'Conv2D',
    config: { name, filters: unitsOf(name), kernel_size: [5, 5], padding: 'same', activation: 'relu', use_bias: true },
  });
  const pool = (name: string): object => ({
    class_name: 'MaxPooling2D',
    config: { name, pool_size: [2, 2], strides: [2, 2], padding: 'valid' },
  });
  const dense = (name: string, activation: string): object => ({
    class_name: 'Dense',
    config: { name, units: unitsOf(name), activation, use_bias: true },
  });
  const first = { ...conv('conv1') } as { config: object };
  first.config = { ...first.config, batch_input_shape: [null, 28, 28, 1], dtype: 'float32' };
  const layers = [
    first,
    pool('pool1'),
    conv('conv2'),
    pool('pool2'),
    { class_name: 'Flatten', config: { name: 'flat' } },
    dense('fc1', 'relu'),
    dense('fc2', 'linear'),
  ];
  const file = join(folder, 'model.json');
  writeFileSync(
    file,
    JSON.stringify({
      format: 'layers-model',
      modelTopology: {
        class_name: 'Sequential',
        config: { name: 'net', layers },
        keras_version: 'tfjs',
        backend: 'js',
      },
      weightsManifest: [
        { paths: ['weights.bin'], weights: arrays.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })) },
      ],
    }),
  );
  writeFileSync(join(folder, 'weights.bin'), Buffer.concat(arrays.map(({ bytes }) => bytes)));
  return file;
}

/** Shape and bytes of a little-endian float32 array in NumPy's format. */
function readNpy(bytes: Uint8Array): { readonly shape: readonly number[]; readonly bytes: Uint8Array } {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint16(8, true);
  const header = new TextDecoder('latin1').decode(bytes.subarray(10, 10 + length));
  const shape = /'shape': \(([^)]*)\)/.exec(header)?.[1] ?? '';
  const extents = shape.split(',').filter((part) => part.trim() !== '');
  return { shape: extents.map(Number), bytes: bytes.subarray(10 + length) };
}
