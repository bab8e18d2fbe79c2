import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CALLS } from '../../shared/contract/calls.ts';
import { importPlan } from '../../shared/domain/import-plan.ts';
import { evaluationRequest } from '../../shared/domain/evaluation.ts';
import { galleryRequest } from '../../shared/domain/gallery.ts';
import { librarySnapshot } from '../../shared/domain/library.ts';
import { trainConfig } from '../../shared/domain/training.ts';
import type { TrainConfigInput } from '../../shared/domain/training.ts';
import { writeNpz } from '../compute/arrays/npz.ts';
import { forkLauncher } from './launch-fork.ts';
import type { Library } from './library.ts';
import { openLibrary } from './open-library.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-library-'));
const launcher = forkLauncher(join(import.meta.dirname, '../compute/job-host.ts'));
let library: Library;
let dataset: string;
let run: string;
let other: string;

const config = (change: Partial<TrainConfigInput> = {}) =>
  trainConfig.parse({
    dataset,
    architecture: 'small-cnn',
    defence: 'natural',
    trainer: { epochs: 1, batchSize: 32, trainLimit: 96, validationSteps: 1 },
    ...change,
  });
const request = (change: object = {}) =>
  evaluationRequest.parse({
    dataset,
    targets: [run],
    attack: { name: 'pgd', settings: { epsilon: 0.1, steps: 2 } },
    examples: { count: 12 },
    ...change,
  });
const finish = async (made: Promise<{ readonly id: string }>): Promise<string> => {
  const { id } = await made;
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
  return id;
};
const refused = (made: Promise<unknown>): Promise<{ code: string; message: string }> =>
  made.then(
    () => Promise.reject(new Error('was accepted')),
    (error: { code: string; message: string }) => error,
  );

beforeAll(async () => {
  library = await openLibrary(join(root, 'library'), { launcher });
  dataset = library.datasets.list()[0]?.id ?? '';
  run = await finish(library.runs.create(config({ name: 'first' })));
  other = await finish(library.runs.create(config({ name: 'second', seed: 1 })));
});
afterAll(async () => {
  await library.dispose();
  rmSync(root, { recursive: true });
});

test('a new library has the sample: 6,000 + 1,000 digits, 500 held out, with attribution, once', async () => {
  const { manifest, bytes } = library.datasets.get(dataset);
  expect(manifest).toMatchObject({
    name: 'MNIST sample',
    images: 7000,
    shape: [28, 28, 1],
    splits: { train: 5500, validation: 500, test: 1000 },
    skipped: [],
  });
  expect(manifest.source.attribution).toMatch(/CC BY-SA 3\.0/);
  expect(bytes).toBeGreaterThan(7000 * 784);
  const second = await openLibrary(join(root, 'library'), { launcher, serves: 'own' });
  expect(second.datasets.list()).toHaveLength(1);
  await second.dispose();
});

test('a training leaves a model, metrics, a configuration and checkpoints', async () => {
  expect(library.models.get(run)).toMatchObject({
    id: run,
    name: 'first',
    origin: 'run',
    defence: 'natural',
    inputShape: [28, 28, 1],
    classes: 10,
    seed: 0,
    colour: 0,
  });
  expect(library.models.get(other).colour).toBe(1);
  expect(library.runs.get(run)).toMatchObject({
    state: 'done',
    engine: { deterministic: false },
    result: { steps: 3 },
  });
  expect(library.models.file(run)).toMatchObject({ defence: 'natural', seed: 0 });
  expect(existsSync(library.models.file(run).weights)).toBe(true);
  expect(existsSync(join(library.runs.folder(run), 'config.yaml'))).toBe(true);
  const points = await library.runs.points(run);
  expect(points.filter((point) => point.type === 'step').map((point) => point.step)).toEqual([1, 2, 3]);
  expect((await library.runs.points(run, 2)).every((point) => point.step > 2)).toBe(true);
});

test('an evaluation gives a table, the examples behind its numbers, and their arrays by address', async () => {
  const id = await finish(library.evaluations.create(request({ targets: [run, other] })));
  const table = CALLS['evaluations.table'].output.parse(await library.evaluations.table(dataset));
  expect(table.models).toEqual([run, other]);
  const [column] = table.columns;
  const cell = table.cells[run]?.[column?.key ?? ''];
  expect(cell).toMatchObject({ evaluation: id, threat: 'white-box', label: 'PGD-2, ε 0.1', examples: 12 });
  expect(cell?.weak).not.toBeNull();
  // Stored with every default; the step size stays a rule in the request and is a number in the result.
  expect(library.evaluations.get(id).request.attack.settings).toMatchObject({ restarts: 1, stepSize: null });
  expect(cell?.settings).toMatchObject({ restarts: 1, stepSize: 0.125 });
  expect(table.worstCase[run]).toMatchObject({ accuracy: cell?.robustAccuracy, examples: 12 });
  const query = {
    evaluation: id,
    model: run,
    show: 'all',
    sort: 'index',
    descending: false,
    offset: 0,
    limit: 5,
  } as const;
  const page = library.evaluations.examples(query);
  expect(page).toMatchObject({ total: 12 });
  expect(page.examples).toHaveLength(5);
  const broken = library.evaluations.examples({ ...query, show: 'broken' }).total;
  expect(cell?.robustAccuracy).toBeCloseTo(1 - broken / 12);
  const rows = `rows=${page.examples.map((example) => example.row).join(',')}`;
  const adversarial = await library.tensors.read(`pairlight://tensor/evaluation/${id}/${run}/adversarial?${rows}`);
  const positions = `rows=${page.examples.map((example) => example.index).join(',')}`;
  const clean = await library.tensors.read(`pairlight://tensor/dataset/${dataset}/images?${positions}`);
  expect(adversarial).toMatchObject({ dtype: 'f32', shape: [5, 28, 28, 1] });
  expect(clean).toMatchObject({ dtype: 'u8', shape: [5, 28, 28, 1] });
  const changed = new Float32Array(adversarial.bytes.buffer);
  const largest = changed.reduce((most, value, i) => Math.max(most, Math.abs(value - (clean.bytes[i] ?? 0) / 255)), 0);
  expect(largest).toBeGreaterThan(0.05);
  expect(largest).toBeLessThanOrEqual(0.1 + 1.2e-7);
});

test('a repeated evaluation replaces its column; a transfer is a column of its own and enters the worst case', async () => {
  const before = await library.evaluations.table(dataset);
  await finish(library.evaluations.create(request({ seed: 7 })));
  await finish(library.evaluations.create(request({ source: other })));
  const after = await library.evaluations.table(dataset);
  expect(after.columns.map((column) => [column.threat, column.label])).toEqual([
    ['white-box', 'PGD-2, ε 0.1'],
    ['gray-box', 'PGD-2, ε 0.1 from second'],
  ]);
  expect(before.columns).toHaveLength(1);
  const cells = Object.values(after.cells[run] ?? {});
  expect(after.worstCase[run]?.accuracy).toBeLessThanOrEqual(Math.min(...cells.map((cell) => cell.robustAccuracy)));
});

test('an attention gallery leaves its maps by address', async () => {
  const made = galleryRequest.parse({
    dataset,
    models: [run],
    indices: [6000, 6001],
    attack: { name: 'fgsm' },
  });
  const id = await finish(library.galleries.create(made));
  const { result, request: stored } = library.galleries.get(id);
  expect(stored.attack.settings).toEqual({ epsilon: 0.25 });
  expect(result?.rows.map((row) => row.index)).toEqual([6000, 6001]);
  const map = await library.tensors.read(`pairlight://tensor/gallery/${id}/${run}/map-grad-cam-clean`);
  expect(map).toMatchObject({ dtype: 'f32', shape: [2, ...(result?.measures[0]?.resolution ?? [])] });
});

test('the snapshot and the catalogue are what the contract says', async () => {
  expect(librarySnapshot.safeParse(library.snapshot()).error).toBeUndefined();
  const catalogue = CALLS['catalogue.get'].output.parse(await library.catalogue());
  expect(catalogue.defences.map((defence) => defence.name)).toEqual([
    ...['natural', 'at', 'm-pgd', 'alp', 'attention-pairing', 'at-alp', 'trades', 'mart', 'fast-at', 'free-at'],
    ...['ensemble-at', 'clp', 'lsq'],
  ]);
  const wide = catalogue.architectures.find(({ name }) => name === 'wide-resnet');
  expect(wide?.fields.map((field) => field.key)).toEqual(['depth', 'width', 'denoise', 'denoiseMethod']);
  expect(wide?.stages).toEqual(['stem', 'layer1', 'layer2', 'layer3']);
  expect(catalogue.trainer.map((field) => field.key)).toContain('batchSize');
});

test('preferences are kept, and wrong ones are refused by name', () => {
  expect(library.preferences.get()).toMatchObject({ theme: 'system', engine: 'auto', parallelJobs: null });
  expect(library.preferences.set({ theme: 'dark' })).toMatchObject({ theme: 'dark', engine: 'auto' });
  expect(library.preferences.get().theme).toBe('dark');
  expect(() => library.preferences.set({ parallelJobs: 0 })).toThrow(/parallelJobs/);
});

test('an engine is tested in a process of its own, and the report is kept', async () => {
  const told: string[] = [];
  library.events.on('engine.tested', (report) => told.push(report.name));
  const report = await library.engines.test('wasm');
  expect(report).toMatchObject({ name: 'wasm', available: true, selfTest: 'passed' });
  expect(told).toEqual(['wasm']);
  expect((await library.engines.list()).engines.find((engine) => engine.name === 'wasm')).toEqual(report);
});

test('weights of the same architecture are imported and can be attacked', async () => {
  const model = await library.models.import({
    path: library.models.file(run).weights,
    architecture: 'small-cnn',
    dataset,
  });
  expect(model).toMatchObject({ origin: 'imported', defence: null, classes: 10, name: 'weights' });
  const id = await finish(library.evaluations.create(request({ targets: [model.id] })));
  const imported = library.evaluations.get(id).result?.targets[0];
  const trained = (await library.evaluations.table(dataset)).cells[run];
  expect(Object.values(trained ?? {}).map((cell) => cell.cleanAccuracy)).toContain(imported?.cleanAccuracy);
});

test('what is deleted goes with what depends on it, and comes back', async () => {
  const model = await library.models.import({
    path: library.models.file(run).weights,
    architecture: 'small-cnn',
    dataset,
    name: 'spare',
  });
  const id = await finish(library.evaluations.create(request({ targets: [model.id], name: 'of spare' })));
  expect(library.entities.delete(model.id).deleted).toEqual(['spare', 'of spare']);
  expect(() => library.models.get(model.id)).toThrow(expect.objectContaining({ code: 'not-found' }));
  expect(() => library.evaluations.get(id)).toThrow(expect.objectContaining({ code: 'not-found' }));
  await expect(
    library.tensors.read(`pairlight://tensor/evaluation/${id}/${model.id}/adversarial`),
  ).rejects.toMatchObject({ code: 'not-found' });
  library.entities.restore(model.id);
  expect(library.evaluations.get(id).name).toBe('of spare');
  library.entities.rename(model.id, '  extra ');
  expect(library.models.get(model.id).name).toBe('extra');
  expect(() => library.entities.rename(model.id, '  ')).toThrow(/name: must not be empty/);
});

describe('bad input is refused with the field or file, and what to do', () => {
  const source = (names: Readonly<Record<string, string>>): string => {
    const folder = mkdtempSync(join(root, 'source-'));
    for (const [name, text] of Object.entries(names)) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    return folder;
  };

  test('an import of something that is no data set, before anything is queued', async () => {
    const jobs = library.jobs.list().length;
    const path = source({ 'cat/1.png': 'not an image', 'dog/1.png': 'neither' });
    expect(await refused(library.datasets.import(importPlan.parse({ path })))).toMatchObject({ code: 'bad-data' });
    expect(
      await refused(library.datasets.preview(importPlan.parse({ path: join(path, 'cat') }), 'librarytest')),
    ).toMatchObject({
      code: 'bad-data',
    });
    expect(library.jobs.list()).toHaveLength(jobs);
  });

  test.each([
    ['epsilon', { epsilon: -0.1 }],
    ['epsilon', { epsilon: Number.NaN }],
    ['steps', { steps: 0 }],
    ['steps', { steps: 1.5 }],
    ['stepSize', { stepSize: -1 }],
    ['restarts', { restarts: 0 }],
    ['colour', { colour: 3 }],
  ])('an attack with a wrong %s', async (field, settings) => {
    const bad = { ...request(), attack: { name: 'pgd', settings } };
    const error = await refused(library.evaluations.create(bad));
    expect(error.code).toBe('invalid-input');
    expect(error.message).toContain(field);
  });

  test('an unknown attack, defence, architecture and dataset are named with what there is', async () => {
    const attack = await refused(library.evaluations.create(request({ attack: { name: 'magic' } })));
    expect(attack.message).toMatch(/magic.*pgd/s);
    expect((await refused(library.runs.create(config({ defence: 'magic' })))).message).toMatch(/magic.*at-alp/s);
    expect((await refused(library.runs.create(config({ architecture: 'magic' })))).message).toMatch(
      /magic.*small-cnn/s,
    );
    expect(await refused(library.runs.create(config({ dataset: 'dataset-zzzzzzzzzz' })))).toMatchObject({
      code: 'not-found',
    });
  });

  test('a defence with a wrong setting', async () => {
    const error = await refused(library.runs.create(config({ defence: 'at-alp', defenceSettings: { epsilon: -1 } })));
    expect(error).toMatchObject({ code: 'invalid-input' });
    expect(error.message).toMatch(/defence at-alp: .*epsilon/);
    const layers = await refused(
      library.runs.create(config({ defence: 'at-alp', defenceSettings: { layers: ['conv9'] } })),
    );
    expect(layers.message).toMatch(/conv9.*conv1/s);
  });

  test('source model = target model', async () => {
    const error = await refused(library.evaluations.create(request({ source: run })));
    expect(error.code).toBe('source-is-target');
    expect(error.message).toMatch(/first is both source and target/);
  });

  test('a copy of the target under another name is still the target', async () => {
    const copy = await library.models.import({
      path: library.models.file(run).weights,
      architecture: 'small-cnn',
      dataset,
      name: 'copy',
    });
    const { id } = await library.evaluations.create(request({ source: copy.id }));
    expect(await library.jobs.wait(id)).toMatchObject({ state: 'failed', error: { code: 'source-is-target' } });
  });

  test('weights of another architecture, naming file, array, shapes and the one that fits', async () => {
    const path = library.models.file(run).weights;
    const error = await refused(library.models.import({ path, architecture: 'mnist-cnn', dataset }));
    expect(error.code).toBe('wrong-architecture');
    expect(error.message).toMatch(/conv1_w should be \[5, 5, 1, 32\], found \[5, 5, 1, 8\]. It fits small-cnn/);
    expect(error.message).toContain(path);
  });

  test('weights that are no archive, or not finite', async () => {
    const path = join(source({ 'weights.npz': 'PK and then nothing' }), 'weights.npz');
    expect(await refused(library.models.import({ path, architecture: 'small-cnn', dataset }))).toMatchObject({
      code: 'bad-data',
      message: expect.stringContaining(path),
    });
    const { readNpz } = await import('../compute/arrays/npz.ts');
    const arrays = await readNpz(library.models.file(run).weights);
    (arrays['fc2_b']?.data as Float32Array)[3] = Number.NaN;
    await writeNpz(path, arrays);
    expect((await refused(library.models.import({ path, architecture: 'small-cnn', dataset }))).message).toMatch(
      /fc2_b holds values that are not finite/,
    );
    expect(
      await refused(library.models.import({ path: join(path, 'x'), architecture: 'small-cnn', dataset })),
    ).toMatchObject({ code: 'not-found' });
  });

  test('a gallery of images and layers that are not there', async () => {
    const made = (change: object) =>
      library.galleries.create(galleryRequest.parse({ dataset, models: [run], indices: [0], ...change }));
    expect((await refused(made({ indices: [7000] }))).message).toMatch(/images 0 to 6999; 7000 is not one/);
    expect((await refused(made({ layer: 'fc1' }))).message).toMatch(/has no layer fc1; it has conv1, conv2/);
    expect(await refused(made({ source: run }))).toMatchObject({ code: 'source-is-target' });
  });

  test.each([
    'pairlight://tensor/dataset/../../../etc/passwd',
    'pairlight://tensor/evaluation/evaluation-0123456789/..%2f..%2fsecret/adversarial',
    'pairlight://app/index.html',
    'https://tensor/dataset/dataset-0123456789/images',
    'nonsense',
  ])('the address %s', async (address) => {
    expect(['invalid-input', 'not-found']).toContain((await refused(library.tensors.read(address))).code);
  });

  test('rows that are not there', async () => {
    const url = `pairlight://tensor/dataset/${dataset}/images`;
    expect(await refused(library.tensors.read(`${url}?rows=7000`))).toMatchObject({ code: 'not-found' });
    expect(await refused(library.tensors.read(`${url}?rows=1,x`))).toMatchObject({ code: 'invalid-input' });
    expect(await refused(library.tensors.read(`${url}?rows=-1`))).toMatchObject({ code: 'invalid-input' });
    expect(await refused(library.tensors.read(`pairlight://tensor/dataset/${dataset}/pixels`))).toMatchObject({
      code: 'not-found',
    });
  });
});

test('a folder of images becomes a data set through the queue, with what was skipped', async () => {
  const { encode } = await import('fast-png');
  const folder = join(root, 'shapes');
  for (const name of ['bar', 'dot']) {
    mkdirSync(join(folder, name), { recursive: true });
    for (let i = 0; i < 10; i += 1) {
      const data = new Uint8Array(64).fill(i * 20);
      writeFileSync(join(folder, name, `${i}.png`), encode({ width: 8, height: 8, channels: 1, depth: 8, data }));
    }
  }
  writeFileSync(join(folder, 'dot', 'broken.png'), readFileSync(join(folder, 'dot', '1.png')).subarray(0, 30));
  const id = await finish(library.datasets.import(importPlan.parse({ path: folder })));
  expect(library.datasets.get(id).manifest).toMatchObject({
    name: 'shapes',
    images: 20,
    classes: ['bar', 'dot'],
    splits: { train: 14, validation: 2, test: 4 },
    skipped: [{ file: join('dot', 'broken.png') }],
  });
  expect(library.entities.delete(id).deleted).toEqual(['shapes']);
});
