import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { galleryRequest, galleryResult, type GalleryRequestInput } from '../../../shared/domain/gallery.ts';
import { readNpyRows } from '../arrays/npy.ts';
import { openPacked, type PackedDataset } from '../data/packed.ts';
import { loadEngine, type Engine } from '../engines/load.ts';
import type { EvaluatedModel } from '../evaluation/check-models.ts';
import { BARS_ID, writeBars } from '../fixtures/bars.ts';
import { createControl } from '../jobs/control.ts';
import { buildNetwork, initialWeights } from '../models/network.ts';
import { attentionGallery, type GalleryInput } from './gallery.ts';
import { topArea } from './key-area.ts';

let scratch: string;
let dataset: PackedDataset;
let engine: Engine;
let models: EvaluatedModel[];

function model(id: string, architecture: string, seed: number): EvaluatedModel {
  const network = buildNetwork(architecture, [12, 12, 1], 2);
  const file = {
    id,
    name: id,
    architecture,
    inputShape: [12, 12, 1] as [number, number, number],
    classes: 2,
    defence: 'natural',
    seed,
    weights: '',
  };
  return { model: file, network, weights: initialWeights(network, seed) };
}

beforeAll(async () => {
  engine = await loadEngine('wasm', { enginePack: null, deterministic: true });
  scratch = await mkdtemp(join(tmpdir(), 'pairlight-gallery-'));
  await writeBars(join(scratch, 'data'));
  dataset = await openPacked(join(scratch, 'data'));
  models = [model('run-aaaaaaaaaa', 'small-cnn', 1), model('run-bbbbbbbbbb', 'mnist-cnn', 2)];
});
afterAll(async () => {
  tf.dispose(models.flatMap(({ weights }) => Object.values(weights)));
  dataset.close();
  await rm(scratch, { recursive: true, force: true });
});

const { context: control } = createControl(() => undefined);

async function gallery(request: Partial<GalleryRequestInput>, roles: Partial<GalleryInput> = {}) {
  const folder = await mkdtemp(join(scratch, 'gallery-'));
  const parsed = galleryRequest.parse({
    dataset: BARS_ID,
    models: models.map((each) => each.model.id),
    indices: [3, 100, 7],
    attack: { name: 'pgd', settings: { steps: 4, epsilon: 0.2 } },
    ...request,
  });
  const input = {
    request: parsed,
    dataset,
    models,
    source: null,
    reference: null,
    engine: engine.info,
    control,
    folder,
  };
  return { folder, result: await attentionGallery({ ...input, ...roles }) };
}

describe('an attention gallery', () => {
  it('writes raw maps, key areas and x′ of every model, and leaks nothing', async () => {
    const before = tf.memory().numTensors;
    const { folder, result } = await gallery({});
    expect(tf.memory().numTensors).toBe(before);
    expect(galleryResult.safeParse(result).error).toBeUndefined();
    expect(result.layer).toBe('conv2');
    expect(result.rows.map((row) => row.index)).toEqual([3, 100, 7]);
    expect(result.measures.map((measure) => [measure.model, measure.method, ...measure.resolution])).toEqual([
      ['run-aaaaaaaaaa', 'activation', 6, 6],
      ['run-aaaaaaaaaa', 'grad-cam', 6, 6],
      ['run-bbbbbbbbbb', 'activation', 6, 6],
      ['run-bbbbbbbbbb', 'grad-cam', 6, 6],
    ]);
    const clean = dataset.readImages([3, 100, 7]);
    for (const { model: id } of result.measures) {
      const read = (name: string) => readNpyRows(join(folder, id, `${name}.npy`));
      const images = await read('images-adversarial');
      expect(images.shape).toEqual([3, 12, 12, 1]);
      const size = Math.max(...Array.from(images.data as Float32Array, (value, at) => Math.abs(value - clean[at]!)));
      expect(size).toBeCloseTo(0.2, 5);
      const area = (await read('key-area')).data as Uint8Array;
      expect(area.reduce((sum, value) => sum + value, 0)).toBe(3 * Math.round(0.2 * 36));
      for (const version of ['clean', 'adversarial', 'noise']) {
        for (const method of ['activation', 'grad-cam']) {
          expect((await read(`map-${method}-${version}`)).shape).toEqual([3, 6, 6]);
        }
      }
    }
  });

  it('takes each model’s own clean map for its key area, or that of the reference for all', async () => {
    const topOfOwn = await gallery({ methods: ['activation'] });
    for (const { model: each } of models) {
      const read = async (name: string) => (await readNpyRows(join(topOfOwn.folder, each.id, `${name}.npy`))).data;
      const [maps, areas] = await Promise.all([read('map-activation-clean'), read('key-area')]);
      for (const row of [0, 1, 2]) {
        const area = topArea((maps as Float32Array).subarray(row * 36, (row + 1) * 36), 20);
        expect(Array.from(areas as Uint8Array).slice(row * 36, (row + 1) * 36)).toEqual(Array.from(area));
      }
    }
    const reference = model('run-cccccccccc', 'small-cnn', 5);
    const common = await gallery({ methods: ['activation'] }, { reference });
    tf.dispose(Object.values(reference.weights));
    const areas = await Promise.all(
      models.map(async ({ model: { id } }) => (await readNpyRows(join(common.folder, id, 'key-area.npy'))).data),
    );
    expect(areas[0]).toEqual(areas[1]);
    const own = await readNpyRows(join(topOfOwn.folder, 'run-aaaaaaaaaa', 'key-area.npy'));
    expect(own.data).not.toEqual(areas[0]);
  });

  it('makes x′ once for all models where there is a source', async () => {
    const source = model('run-dddddddddd', 'small-cnn', 8);
    const { folder } = await gallery({ methods: ['activation'] }, { source });
    tf.dispose(Object.values(source.weights));
    const [first, second] = await Promise.all(
      models.map(({ model: { id } }) => readNpyRows(join(folder, id, 'images-adversarial.npy'))),
    );
    expect(first!.data).toEqual(second!.data);
  });

  it('refuses a layer that a model lacks, an image that is not there, and a source among its models', async () => {
    await expect(gallery({ layer: 'conv7' })).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining('conv1, conv2') as string,
    });
    await expect(gallery({ indices: [0, 120] })).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(gallery({}, { source: models[0]! })).rejects.toMatchObject({ code: 'source-is-target' });
  });
});
