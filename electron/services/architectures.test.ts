import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { trainConfig, type TrainConfigInput } from '../../shared/domain/training.ts';
import { readNpz } from '../compute/arrays/npz.ts';
import { forkLauncher } from './launch-fork.ts';
import type { Library } from './library.ts';
import { exportModel } from './model-export/export.ts';
import { openLibrary } from './open-library.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-architectures-'));
/** Each run is a process of its own, in milliseconds. */
const TIMEOUT = 180_000;
let library: Library;
let dataset: string;

beforeAll(async () => {
  library = await openLibrary(join(root, 'library'), {
    launcher: forkLauncher(join(import.meta.dirname, '../compute/job-host.ts')),
  });
  dataset = library.datasets.list()[0]?.id ?? '';
});
afterAll(async () => {
  await library.dispose();
  rmSync(root, { recursive: true });
});

const config = (more: Partial<TrainConfigInput>): TrainConfigInput => ({
  dataset,
  architecture: 'convnet-64',
  architectureSettings: { width: 0.125, denoise: ['conv3'], denoiseMethod: 'mean' },
  defence: 'natural',
  trainer: { epochs: 1, batchSize: 8, trainLimit: 16, validationSteps: 1 },
  engine: 'wasm',
  ...more,
});
const train = async (more: Partial<TrainConfigInput>): Promise<string> => {
  const { id } = await library.runs.create(trainConfig.parse(config(more)));
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
  return id;
};

test(
  'a run keeps its architecture’s settings; another starts from its weights, with stages held; both are exported',
  async () => {
    const first = await train({});
    const settings = { width: 0.125, denoise: ['conv3'], denoiseMethod: 'mean' };
    expect(library.models.get(first)).toMatchObject({ architecture: 'convnet-64', architectureSettings: settings });

    const second = await train({ initial: { from: 'model', model: first }, freeze: ['conv1'], seed: 4 });
    const report = await library.runs.initial(second);
    expect(report).toMatchObject({ fresh: [], unused: [], newHead: false });
    const [old, now] = await Promise.all([first, second].map((id) => readNpz(library.models.file(id).weights)));
    expect(now?.['conv1_w']).toEqual(old?.['conv1_w']);
    expect(now?.['bn1_variance']).toEqual(old?.['bn1_variance']);
    expect(now?.['conv2_w']).not.toEqual(old?.['conv2_w']);

    const folder = join(root, 'export');
    await exportModel(library, second, { folder, formats: ['safetensors', 'onnx', 'verify'], layout: 'nchw' });
    const network = JSON.parse(await readFile(join(folder, 'network.json'), 'utf8')) as { settings: unknown };
    expect(network.settings).toEqual(settings);

    const path = join(folder, 'weights.safetensors');
    const imported = await library.models.import({ path, architecture: 'convnet-64', settings, dataset });
    expect(imported.parameters).toBe(library.models.get(second).parameters);
    const plain = library.models.import({ path, architecture: 'convnet-64', dataset });
    await expect(plain).rejects.toMatchObject({ code: 'wrong-architecture' });

    const { facts, estimate } = await library.architectures.describe({
      architecture: 'convnet-64',
      settings,
      inputShape: [28, 28, 1],
      classes: 10,
      training: { defence: 'at', defenceSettings: { attackSteps: 5 }, batchSize: 64 },
    });
    expect(facts.parameters).toBe(imported.parameters);
    expect(facts.stages.map(({ name }) => name)).toEqual(['conv1', 'conv2', 'conv3', 'conv4', 'head']);
    expect(estimate).toMatchObject({ basis: 'same', passes: 2 * 5 + 3 });
    expect(estimate?.seconds).toBeGreaterThan(0);
  },
  TIMEOUT,
);

test('what cannot be trained is refused before it is queued, and told why', async () => {
  const asked = (more: Partial<TrainConfigInput>): Promise<unknown> =>
    library.runs.create(trainConfig.parse(config({ architectureSettings: {}, ...more })));
  const before = library.jobs.list().length;
  await expect(asked({ architecture: 'vgg16-bn' })).rejects.toMatchObject({
    code: 'invalid-input',
    message: expect.stringMatching(/28×28 are too small for vgg16-bn/) as string,
  });
  await expect(asked({ freeze: ['layer1'] })).rejects.toThrow(/no stage “layer1”; it has conv1, conv2, conv3, conv4/);
  await expect(asked({ architectureSettings: { depth: 3 } })).rejects.toThrow(/architecture convnet-64: .*depth/);
  await expect(asked({ initial: { from: 'file', path: join(root, 'none.npz') } })).rejects.toMatchObject({
    code: 'not-found',
  });
  const checkpoint = join(root, 'model.pth');
  writeFileSync(checkpoint, 'x');
  await expect(asked({ initial: { from: 'file', path: checkpoint } })).rejects.toThrow(/safetensors\.torch\.save_file/);
  expect(library.jobs.list().length).toBe(before);
});

test('a run keeps of a file its name and hash, and the weights: neither it nor another like it needs the file', async () => {
  const first = await train({});
  const file = join(root, 'given.npz');
  copyFileSync(library.models.file(first).weights, file);
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
  const { id } = await library.runs.create(trainConfig.parse(config({ initial: { from: 'file', path: file } })));
  rmSync(file);
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
  const { config: kept } = library.runs.get(id);
  expect(kept.initial).toEqual({ from: 'file', path: 'given.npz', sha256 });
  expect(readFileSync(join(library.runs.folder(id), 'config.yaml'), 'utf8')).not.toContain(root);

  const again = await train({ ...kept, seed: 5 });
  expect(library.runs.get(again).config.initial).toEqual(kept.initial);
  expect(await library.runs.initial(again)).toEqual(await library.runs.initial(id));
  const other = { ...kept, initial: { from: 'file' as const, path: 'given.npz', sha256: '0'.repeat(64) } };
  await expect(library.runs.create(other)).rejects.toMatchObject({ code: 'not-found' });
}, 120_000);
