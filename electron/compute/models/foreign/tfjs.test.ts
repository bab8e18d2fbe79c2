import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { layers, sequential, type Sequential } from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadEngine, type Engine } from '../../engines/load.ts';
import { sampleImages } from '../../fixtures/sample-images.ts';
import { forward } from '../network.ts';
import { weightsFromArrays } from '../weights.ts';
import { probeModel } from './probe.ts';
import { createPredictor } from './reading.ts';
import { plainArrays, readTfjsFiles } from './tfjs-files.ts';
import { mapTfjsNetwork } from './tfjs-network.ts';
import { openTfjs } from './tfjs.ts';

let engine: Engine;
let scratch: string;
beforeAll(async () => {
  engine = await loadEngine('wasm', { enginePack: null, deterministic: true });
  scratch = await mkdtemp(join(tmpdir(), 'pairlight-tfjs-'));
});
afterAll(async () => {
  engine.dispose();
  await rm(scratch, { recursive: true });
});

/** The layers of small-cnn as tfjs has them, with random weights. */
function smallCnn(hidden: number): Sequential {
  const conv = (filters: number) => ({ filters, kernelSize: 5, padding: 'same', activation: 'relu' }) as const;
  return sequential({
    layers: [
      layers.conv2d({ ...conv(8), inputShape: [28, 28, 1], biasInitializer: 'randomNormal' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.conv2d(conv(16)),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: hidden, activation: 'relu' }),
      layers.dropout({ rate: 0.5 }),
      layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });
}

/** Saves a model as `model.json` with its weights beside it, as tfjs does in Node. */
async function save(model: Sequential, name: string): Promise<string> {
  const file = join(scratch, `${name}.json`);
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
      const manifest = [{ paths: [`${name}.bin`], weights: weightSpecs }];
      await writeFile(file, JSON.stringify({ modelTopology, weightsManifest: manifest, format: 'layers-model' }));
      await writeFile(join(scratch, `${name}.bin`), new Uint8Array(weightData as ArrayBuffer));
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    }),
  );
  return file;
}

it('a LayersModel is tried and answers with the logarithms of its probabilities', async () => {
  const model = smallCnn(7);
  const file = await save(model, 'generic');
  const data = await sampleImages(6);
  const before = tf.memory().numTensors;
  const session = await openTfjs(file);
  const probe = await probeModel(session, data, { range: 'unit' }, file);
  expect(probe).toMatchObject({ format: 'tfjs', readings: [{ reading: { layout: 'nhwc', output: 'probabilities' } }] });
  const predictor = createPredictor(session, probe.readings[0]!.reading, [28, 28, 1], 10);
  const found = await predictor.logits(data.images, 6);
  const expected = tf.tidy(() =>
    tf.log(model.predict(tf.tensor4d(data.images, [6, 28, 28, 1])) as tf.Tensor).dataSync(),
  );
  found.forEach((value, at) => expect(value).toBeCloseTo(expected[at]!, 4));
  await predictor.dispose();
  expect(tf.memory().numTensors).toBe(before);
  model.dispose();
});

it('one with just the layers of an architecture becomes that network, with the same classes', async () => {
  const model = smallCnn(64);
  const file = await save(model, 'small');
  const files = await readTfjsFiles(file);
  const mapped = mapTfjsNetwork(files.topology, plainArrays(files)!, [28, 28, 1], 10);
  expect(mapped?.network.architecture).toBe('small-cnn');
  const { images } = await sampleImages(6);
  const [ours, theirs] = tf.tidy(() => {
    const x = tf.tensor4d(images, [6, 28, 28, 1]);
    const weights = weightsFromArrays(mapped!.network, mapped!.arrays, file);
    const logits = forward(mapped!.network, weights, x).logits;
    return [tf.softmax(logits).dataSync(), (model.predict(x) as tf.Tensor).dataSync()];
  });
  ours.forEach((value, at) => expect(value).toBeCloseTo(theirs[at]!, 5));
  const other = await save(smallCnn(7), 'other');
  const otherFiles = await readTfjsFiles(other);
  expect(mapTfjsNetwork(otherFiles.topology, plainArrays(otherFiles)!, [28, 28, 1], 10)).toBeNull();
  model.dispose();
});

it('what is no LayersModel says so', async () => {
  const file = join(scratch, 'bad.json');
  await writeFile(file, '{');
  await expect(openTfjs(file)).rejects.toThrow(/bad\.json is not JSON/);
  await writeFile(file, '{"modelTopology": {}}');
  await expect(openTfjs(file)).rejects.toThrow(/is no tfjs LayersModel/);
  await writeFile(file, JSON.stringify({ modelTopology: {}, weightsManifest: [{ paths: ['../x.bin'], weights: [] }] }));
  await expect(openTfjs(file)).rejects.toThrow(/in another folder/);
  await writeFile(file, JSON.stringify({ modelTopology: {}, weightsManifest: [{ paths: ['x.bin'], weights: [] }] }));
  await expect(openTfjs(file)).rejects.toMatchObject({ code: 'not-found' });
});
