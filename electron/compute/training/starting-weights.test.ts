import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainConfig, type TrainConfigInput } from '../../../shared/domain/training.ts';
import { shapeSize, type NpyArray } from '../arrays/npy.ts';
import { readNpz, writeNpz, type NpzArrays } from '../arrays/npz.ts';
import { openPacked, type PackedDataset } from '../data/packed.ts';
import { loadEngine } from '../engines/load.ts';
import { BARS_ID, writeBars } from '../fixtures/bars.ts';
import { createControl } from '../jobs/control.ts';
import { buildNetwork, type Network } from '../models/network.ts';
import { normEpsilons } from '../models/foreign/tfjs-files.ts';
import { transferArrays } from '../models/transfer.ts';
import { STARTING_WEIGHTS_FILE } from './starting-weights.ts';
import { train, WEIGHTS_FILE } from './train.ts';

let scratch: string;
let dataset: PackedDataset;
beforeAll(async () => {
  await loadEngine('wasm', { enginePack: null, deterministic: true });
  scratch = await mkdtemp(join(tmpdir(), 'pairlight-starting-'));
  await writeBars(join(scratch, 'data'));
  dataset = await openPacked(join(scratch, 'data'));
});
afterAll(async () => {
  dataset.close();
  await rm(scratch, { recursive: true, force: true });
});

/** Arrays of the network's parameters, each filled with numbers of its own. */
function arraysOf(network: Network): NpzArrays {
  return Object.fromEntries(
    network.parameters.map(({ name, shape }, at): [string, NpyArray] => {
      const data = Float32Array.from({ length: shapeSize(shape) }, (_, index) => 0.2 + ((index * 7 + at) % 11) / 40);
      return [name, { dtype: 'f32', shape, data }];
    }),
  );
}

describe('a training that starts from given weights', () => {
  const base: TrainConfigInput = {
    dataset: BARS_ID,
    architecture: 'preact-resnet18',
    architectureSettings: { width: 0.0625, denoise: ['layer3'], denoiseMethod: 'median' },
    defence: 'at',
    defenceSettings: { attackSteps: 1, epsilon: 0.1 },
    trainer: { epochs: 1, batchSize: 16, validationSteps: 1, learningRate: 0.01 },
    initial: { from: 'file', path: 'given.npz' },
    engine: 'wasm',
    deterministic: true,
  };

  it('leaves stages that are held as they were, their batch statistics too, and changes all others', async () => {
    const folder = await mkdtemp(join(scratch, 'run-'));
    const freeze = ['stem', 'layer1', 'layer2'];
    const config = trainConfig.parse({ ...base, freeze });
    const network = buildNetwork('preact-resnet18', dataset.manifest.shape, 2, false, {
      settings: config.architectureSettings,
      held: freeze,
    });
    const given = arraysOf(network);
    await writeNpz(join(folder, STARTING_WEIGHTS_FILE), given);
    const before = tf.memory().numTensors;
    await train({ config, dataset, folder, resume: false, context: createControl(() => undefined).context });
    expect(tf.memory().numTensors).toBe(before);
    const trained = await readNpz(join(folder, WEIGHTS_FILE));
    const same = network.parameters.map(({ name }) => {
      const [old, now] = [given[name]?.data, trained[name]?.data];
      return [name, JSON.stringify(old) === JSON.stringify(now)] as const;
    });
    const kept = same.flatMap(([name, is]) => (is ? [name] : []));
    expect(kept).toEqual(
      network.parameters.flatMap(({ name, trainable, moving }) => (trainable || moving ? [] : [name])),
    );
    expect(kept).toContain('layer2_0_bn2_variance');
    expect(kept).not.toContain('layer3_0_bn1_mean');
  });

  it('says so where they are missing', async () => {
    const folder = await mkdtemp(join(scratch, 'run-'));
    const context = createControl(() => undefined).context;
    await expect(
      train({ config: trainConfig.parse(base), dataset, folder, resume: false, context }),
    ).rejects.toMatchObject({ code: 'not-found', message: expect.stringMatching(/starts from are missing/) as string });
  });
});

describe('weights of another network', () => {
  const network = buildNetwork('resnet18', [32, 32, 3], 7, false, { settings: { width: 0.125 } });

  it('of as many classes come whole; of others without the last layer', () => {
    const same = transferArrays(network, arraysOf(network), 'a file');
    expect(same.report).toMatchObject({ fresh: [], unused: [], newHead: false });
    const other = buildNetwork('resnet18', [32, 32, 3], 10, true, { settings: { width: 0.125 } });
    const moved = transferArrays(network, arraysOf(other), 'a file');
    expect(moved.report).toMatchObject({
      fresh: ['fc_w', 'fc_b'],
      unused: ['input_mean', 'input_deviation'],
      newHead: true,
    });
    expect(moved.report.taken.length).toBe(network.parameters.length - 2);
  });

  it('with denoising blocks added take all else, and say what is new', () => {
    const denoised = buildNetwork('resnet18', [32, 32, 3], 7, false, {
      settings: { width: 0.125, denoise: ['layer2'], denoiseMethod: 'mean' },
    });
    const { report } = transferArrays(denoised, arraysOf(network), 'a file');
    expect(report.fresh.every((name) => name.startsWith('layer2_denoise_'))).toBe(true);
    expect(report.fresh.length).toBe(5);
  });

  it('of Keras keep the biases of convolutions in the means behind them', () => {
    const bottleneck = buildNetwork('resnet50', [32, 32, 3], 7, false, { settings: { width: 0.125 } });
    const own = arraysOf(bottleneck);
    const keras = Object.fromEntries(
      bottleneck.layers.flatMap((layer): [string, NpyArray][] => {
        const [, stage, block, rest = ''] = /^layer(\d)_(\d+)_(.*)$/.exec(layer.name) ?? [];
        const place = rest.startsWith('downsample') ? 0 : Number(rest.at(-1));
        const kind = layer.kind === 'norm' ? 'bn' : 'conv';
        const stem = layer.name === 'fc' ? 'predictions' : `conv1_${kind}`;
        const name = stage ? `conv${Number(stage) + 1}_block${Number(block) + 1}_${place}_${kind}` : stem;
        const pick = (part: string, suffix: string): [string, NpyArray] => [
          `${name}/${part}`,
          own[`${layer.name}_${suffix}`]!,
        ];
        if (layer.kind === 'dense') return [pick('kernel', 'w'), pick('bias', 'b')];
        if (layer.kind === 'norm')
          return [
            pick('gamma', 'gamma'),
            pick('beta', 'beta'),
            pick('moving_mean', 'mean'),
            pick('moving_variance', 'variance'),
          ];
        if (layer.kind !== 'conv') return [];
        const bias: NpyArray = {
          dtype: 'f32',
          shape: [layer.output[2]],
          data: new Float32Array(layer.output[2]).fill(0.5),
        };
        return [pick('kernel', 'w'), [`${name}/bias`, bias]];
      }),
    );
    const { arrays, report } = transferArrays(bottleneck, keras, 'model.json');
    expect(report).toMatchObject({ fresh: [], unused: [], newHead: false });
    expect(arrays['layer2_0_downsample_w']).toEqual(own['layer2_0_downsample_w']);
    expect(arrays['layer3_1_bn2_mean']?.data[0]).toBeCloseTo(Number(own['layer3_1_bn2_mean']!.data[0]) - 0.5, 6);

    // Keras' own ResNets add 1.001e-5 to their variances, others 1e-3, and a file may say what: 1e-5 is added here.
    const variance = (found: NpzArrays, name: string): number => Number(found[`${name}_variance`]!.data[0]);
    const before = variance(own, 'layer3_1_bn2');
    expect(variance(arrays, 'layer3_1_bn2') - before).toBeCloseTo(0, 7);
    const said = { conv4_block2_2_bn: 0.25 };
    const other = transferArrays(bottleneck, keras, 'model.json', said).arrays;
    expect(variance(other, 'layer3_1_bn2') - before).toBeCloseTo(0.25 - 1e-5, 6);
    const renamed = Object.fromEntries(
      Object.entries(keras).map(([name, array]) => [name.replace('conv4_block2_2_bn', 'layer3_1_bn2'), array]),
    );
    const plain = transferArrays(bottleneck, renamed, 'weights.npz').arrays;
    expect(variance(plain, 'layer3_1_bn2') - before).toBeCloseTo(1e-3 - 1e-5, 6);
    expect(plain['layer3_1_bn1_variance']).toEqual(arrays['layer3_1_bn1_variance']);
  });

  it('of tfjs say what their normalisations add to a variance', () => {
    const norm = (name: string, epsilon: number) => ({ class_name: 'BatchNormalization', config: { name, epsilon } });
    const inner = { class_name: 'Sequential', config: { name: 'body', layers: [norm('b', 1e-4)] } };
    const topology = { model_config: { class_name: 'Functional', config: { layers: [norm('a', 0.01), inner] } } };
    expect(normEpsilons(topology)).toEqual({ a: 0.01, b: 1e-4 });
    expect(normEpsilons(null)).toEqual({});
  });

  it('that do not fit are refused with both shapes, and those of another architecture with what is missing', () => {
    const wide = buildNetwork('resnet18', [32, 32, 3], 7, false, { settings: { width: 0.25 } });
    expect(() => transferArrays(network, arraysOf(wide), 'wide.npz')).toThrow(
      /wide\.npz does not fit resnet18: conv1_w should be \[7, 7, 3, 8\], found \[7, 7, 3, 16\]/,
    );
    expect(() => transferArrays(network, arraysOf(buildNetwork('lenet', [32, 32, 3], 7)), 'lenet.npz')).toThrow(
      /lenet\.npz does not fit resnet18: conv1_w should be/,
    );
    const head = { fc_b: { dtype: 'f32', shape: [7], data: new Float32Array(7) } } as const;
    expect(() => transferArrays(network, head, 'head.npz')).toThrow(
      /of its \d+ arrays before the last layer there are 0.*conv1_w/,
    );
    const broken = {
      ...arraysOf(network),
      bn1_beta: { dtype: 'f32', shape: [8], data: new Float32Array(8).fill(NaN) },
    } as const;
    expect(() => transferArrays(network, broken, 'b.npz')).toThrow(/b\.npz: bn1_beta holds values that are not finite/);
  });
});
