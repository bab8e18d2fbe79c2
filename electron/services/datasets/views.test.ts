import {
  appendFileSync,
  cpSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ZipFile } from 'yazl';
import { CALLS } from '../../../shared/contract/calls.ts';
import { EXCLUDED } from '../../../shared/domain/dataset.ts';
import { datasetQuery, type DatasetSelection } from '../../../shared/domain/dataset-view.ts';
import { importPlan } from '../../../shared/domain/import-plan.ts';
import { SPLITS } from '../../../shared/domain/shape.ts';
import { evaluationRequest } from '../../../shared/domain/evaluation.ts';
import { trainConfig } from '../../../shared/domain/training.ts';
import { readNpz } from '../../compute/arrays/npz.ts';
import { openPacked, type PackedDataset } from '../../compute/data/packed.ts';
import { forkLauncher } from '../launch-fork.ts';
import type { Library } from '../library.ts';
import { openLibrary } from '../open-library.ts';

/** Each job is a process of its own, in milliseconds. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const root = mkdtempSync(join(tmpdir(), 'pairlight-views-'));
const launcher = forkLauncher(join(import.meta.dirname, '../../compute/job-host.ts'));
let library: Library;
let id: string;
let packed: PackedDataset;
let run: string;

const select = (filter: string, more: object = {}, of = id): Promise<DatasetSelection> =>
  library.datasets.select(datasetQuery.parse({ id: of, filter, ...more }));
const truth = (holds: (position: number) => boolean): number[] =>
  Array.from(packed.labels.keys()).filter((position) => holds(position));
const done = async (job: string): Promise<void> =>
  expect(await library.jobs.wait(job)).toMatchObject({ state: 'done', error: null });
const train = async (dataset: string, name: string): Promise<string> => {
  const config = trainConfig.parse({
    dataset,
    name,
    architecture: 'small-cnn',
    defence: 'natural',
    engine: 'wasm',
    trainer: { epochs: 1, batchSize: 32, trainLimit: 64, validationSteps: 1 },
  });
  const made = await library.runs.create(config);
  await done(made.id);
  return made.id;
};
const refused = (made: Promise<unknown>): Promise<{ code: string; message: string }> =>
  made.then(
    () => Promise.reject(new Error('was accepted')),
    (error: { code: string; message: string }) => error,
  );

beforeAll(async () => {
  library = await openLibrary(join(root, 'library'), { launcher });
  id = library.datasets.list()[0]?.id ?? '';
  packed = await openPacked(library.datasets.folder(id));
  run = await train(id, 'first');
});
afterAll(async () => {
  packed.close();
  await library.dispose();
  rmSync(root, { recursive: true });
});

describe('a selection of the sample is', () => {
  test('what brute force takes: class, split, brightness', async () => {
    const some = await select('class:7 split:test');
    expect([...some.positions]).toEqual(truth((i) => packed.labels[i] === 7 && packed.splits[i] === 2));
    expect(some).toMatchObject({ problem: null, problemAt: null, unpredicted: [] });
    const mean = (i: number): number => packed.readImages([i]).reduce((sum, pixel) => sum + pixel, 0) / 784;
    const dark = await select('brightness:<0.08');
    expect(dark.problem).toBe(null);
    const expected = truth((i) => mean(i) < 0.08);
    expect(expected.length).toBeGreaterThan(100);
    expect([...dark.positions]).toEqual(expected);
    const [first = 0] = dark.positions;
    const [item] = await library.datasets.items(id, [first]);
    expect(item?.brightness).toBeCloseTo(mean(first), 6);
    expect(CALLS['datasets.items'].output.safeParse([item]).success).toBe(true);
  });

  test('in the order asked for, in groups that follow each other', async () => {
    const { positions, groups } = await select('split:test OR split:validation', {
      sort: { by: 'brightness', descending: true },
      groupBy: 'class',
    });
    expect(groups.map(({ label }) => label)).toEqual(packed.manifest.classes);
    expect(groups.reduce((sum, { count }) => sum + count, 0)).toBe(positions.length);
    const items = await library.datasets.items(id, [...positions.subarray(0, 200)]);
    const size = groups[0]?.count ?? 0;
    expect(items.slice(0, size).every(({ label }) => label === 0)).toBe(true);
    const lights = items.slice(0, size).map(({ brightness }) => brightness ?? 0);
    expect(lights).toEqual([...lights].sort((a, b) => b - a));
  });

  test('refused with where and why, or with the models that have to predict first', async () => {
    expect(await select('clas:7')).toMatchObject({
      groups: [],
      problemAt: [0, 6],
      problem: expect.stringMatching(/class/),
    });
    const unknown = await select(`wrong.${run}:true`);
    expect(unknown).toMatchObject({ unpredicted: [run], problem: expect.stringMatching(/no predictions/) });
    expect(await select('split:test wrong.run-nobody000:true')).toMatchObject({ problemAt: [11, 35], unpredicted: [] });
    expect((await select('', { sort: { by: 'colour' } })).problem).toMatch(/cannot be ordered by “colour”/);
    expect(CALLS['datasets.select'].output.safeParse(unknown).success).toBe(true);
  });
});

test('predictions: of every image, as the model gives them, kept until the weights change, used by filters', async () => {
  const { id: job } = await library.datasets.predict(id, run);
  expect((await library.datasets.predict(id, run)).id).toBe(job);
  await done(job ?? '');
  expect(await library.datasets.predict(id, run)).toEqual({ id: null });
  const request = evaluationRequest.parse({
    dataset: id,
    targets: [run],
    engine: 'wasm',
    attack: { name: 'pgd', settings: { epsilon: 0.2, steps: 3 } },
    examples: { count: 40 },
    includeMisclassified: true,
  });
  const { id: evaluation } = await library.evaluations.create(request);
  await done(evaluation);
  const { examples } = library.evaluations.examples({
    evaluation,
    model: run,
    show: 'all',
    sort: 'index',
    descending: false,
    limit: 100,
    offset: 0,
  });
  expect(examples.length).toBe(40);
  for (const { index, cleanPrediction, cleanConfidence } of examples) {
    const [answer] = await library.datasets.predictions(id, index);
    expect(answer).toMatchObject({ model: run, name: 'first', predicted: cleanPrediction });
    expect(answer?.confidence).toBeCloseTo(cleanConfidence, 4);
    expect(answer?.probabilities.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 4);
  }
  const wrong = await select(`wrong.${run}:true attacked.${evaluation}:true`);
  const misled = examples.filter(({ label, cleanPrediction }) => label !== cleanPrediction);
  expect([...wrong.positions]).toEqual(misled.map(({ index }) => index).sort((a, b) => a - b));
  const broken = await select(`broken.${evaluation}:true`);
  const beaten = examples.filter((example) => example.broken);
  expect([...broken.positions]).toEqual(beaten.map(({ index }) => index).sort((a, b) => a - b));
  expect((await select(`broken.${evaluation}.${run}:false`)).positions.length).toBe(40 - beaten.length);
  const sure = await select(`confidence.${run}:>=0.9`, { sort: { by: `confidence.${run}`, descending: true } });
  const answers = await Promise.all(
    [...sure.positions.subarray(0, 5)].map((at) => library.datasets.predictions(id, at)),
  );
  const confidences = answers.map(([answer]) => answer?.confidence ?? 0);
  expect(confidences).toEqual([...confidences].sort((a, b) => b - a));
  const terms = await library.datasets.filterTerms(id);
  expect(terms.models).toEqual([{ id: run, name: 'first', predicted: true }]);
  expect(terms.evaluations).toMatchObject([{ id: evaluation, images: 40, models: [{ id: run, name: 'first' }] }]);
  expect(CALLS['datasets.filterTerms'].output.safeParse(terms).success).toBe(true);
  // Touched weights are other weights.
  const weights = library.models.file(run).weights;
  const before = readFileSync(weights);
  appendFileSync(weights, 'x');
  expect(await library.datasets.predictions(id, 0)).toEqual([]);
  writeFileSync(weights, before);
  expect(await library.datasets.predictions(id, 0)).toHaveLength(1);
});

test('predictions of a model of another program are made through its forward pass', async () => {
  const path = join(import.meta.dirname, '../../compute/fixtures/foreign.onnx');
  const normalisation = { mean: [0.1307], deviation: [0.3081] };
  const model = await library.models.import({ path, dataset: id, reading: { normalisation } });
  await done((await library.datasets.predict(id, model.id)).id ?? '');
  const wrong = await select(`wrong.${model.id}:true split:test`);
  const probe = await library.models.probe({ path, dataset: id, reading: { normalisation } });
  const accuracy = 1 - wrong.positions.length / 1000;
  // The probe looks at the first 500 of them.
  const first = 1 - [...wrong.positions].filter((at) => at < 6500).length / 500;
  expect(accuracy).toBeGreaterThan(0.5);
  expect(probe?.readings.map((reading) => reading.accuracy)).toContain(first);
  library.entities.delete(model.id);
});

test('statistics are those of the pixels, and the mean image is an array of the data set', async () => {
  const statistics = await library.datasets.statistics(id);
  expect(CALLS['datasets.statistics'].output.safeParse(statistics).success).toBe(true);
  const pixels = packed.readBytes(Array.from(packed.labels.keys()));
  const mean = pixels.reduce((sum, pixel) => sum + pixel / 255, 0) / pixels.length;
  const square = pixels.reduce((sum, pixel) => sum + (pixel / 255) ** 2, 0) / pixels.length;
  expect(statistics.channels[0]?.mean).toBeCloseTo(mean, 6);
  expect(statistics.channels[0]?.deviation).toBeCloseTo(Math.sqrt(square - mean * mean), 6);
  expect(statistics.images).toBe(7000);
  expect(statistics.classes[3]?.test).toBe(truth((i) => packed.labels[i] === 3 && packed.splits[i] === 2).length);
  expect(statistics.sizes).toEqual([{ width: 28, height: 28, images: 7000 }]);
  const { dtype, shape, bytes } = await library.tensors.read(`pairlight://tensor/dataset/${id}/mean?rows=0,4`);
  expect([dtype, ...shape]).toEqual(['f32', 2, 28, 28, 1]);
  const means = new Float32Array(bytes.buffer);
  const threes = truth((i) => packed.labels[i] === 3);
  const at = 14 * 28 + 14;
  const centre = threes.reduce((sum, i) => sum + (pixels[784 * i + at] ?? 0) / 255, 0) / threes.length;
  expect(means[784 + at]).toBeCloseTo(centre, 5);
  expect(await library.datasets.statistics(id)).toEqual(statistics);
});

describe('an edit', () => {
  test('makes a version; the parent, and what was trained on it, stay bit by bit as they were', async () => {
    const before = library.datasets.get(id).manifest;
    library.datasets.saveFilter(id, { name: 'sevens', text: 'class:7' });
    const [one = 0, two = 0, three = 0] = (await select('class:7 split:train')).positions;
    const edits = [
      { kind: 'relabel', positions: [one], label: 1 },
      { kind: 'exclude', positions: [two, three] },
      { kind: 'include', positions: [three] },
    ] as const;
    const { id: version } = await library.datasets.edit(
      id,
      edits.map((edit) => ({ ...edit, positions: [...edit.positions] })),
    );
    const { manifest } = library.datasets.get(version);
    expect(manifest).toMatchObject({
      name: 'MNIST sample v2',
      images: 7000,
      excluded: 1,
      splits: { train: 5499, validation: 500, test: 1000 },
      parent: {
        id,
        hash: before.hash,
        edits,
        pixels: before.hash,
        changed: { relabelled: 1, excluded: 1, included: 0 },
      },
    });
    expect(manifest.hash).not.toBe(before.hash);
    expect(library.datasets.filters(version)).toEqual([{ name: 'sevens', text: 'class:7' }]);
    const edited = await openPacked(library.datasets.folder(version));
    expect(edited.labels[one]).toBe(1);
    expect(edited.splits[two]).toBe(EXCLUDED);
    expect(edited.splits[three]).toBe(0);
    expect(edited.positions('train')).not.toContain(two);
    expect([...edited.readBytes([one, two])]).toEqual([...packed.readBytes([one, two])]);
    edited.close();
    const image = (dataset: string) => statSync(join(library.datasets.folder(dataset), 'images.u8'));
    expect(image(version).ino).toBe(image(id).ino);
    expect(await library.datasets.verify(version)).toMatchObject({ ok: true });

    // Taken out: not shown, unless asked for; predictions of the pixels count here as well.
    expect((await select('', {}, version)).positions.length).toBe(6999);
    expect([...(await select('split:excluded', {}, version)).positions]).toEqual([two]);
    expect((await library.datasets.items(version, [two]))[0]).toMatchObject({ split: null, label: 7 });
    expect(await library.datasets.predictions(version, one)).toHaveLength(1);
    expect((await library.datasets.statistics(version)).excluded).toBe(1);

    // A second version takes the image back to where it was.
    const { id: third } = await library.datasets.edit(version, [{ kind: 'include', positions: [two] }]);
    expect(library.datasets.get(third).manifest).toMatchObject({
      name: 'MNIST sample v3',
      splits: before.splits,
      parent: { id: version, pixels: before.hash },
    });
    expect(library.datasets.get(third).manifest.excluded).toBeUndefined();

    expect(library.datasets.dependents(id).versions).toEqual(['MNIST sample v2']);
    expect(library.datasets.get(id).manifest).toEqual(before);
    expect(await library.datasets.verify(id)).toMatchObject({ ok: true });
    const again = await train(id, 'again');
    const weights = await Promise.all([run, again].map((model) => readNpz(library.models.file(model).weights)));
    expect(weights[1]).toEqual(weights[0]);
    const dependents = library.datasets.dependents(id);
    expect(dependents.deleted).toContain('first');
    expect(dependents.deleted).toContain('again');

    // Undone: the version goes to the bin, and only that.
    expect(library.entities.delete(version)).toEqual({ deleted: ['MNIST sample v2'] });
    expect(library.datasets.list().map((row) => row.id)).not.toContain(version);
    expect(await library.datasets.verify(third)).toMatchObject({ ok: true });
    library.entities.delete(third);
  });

  test('that names no image, no class, changes nothing or leaves nothing is refused, and nothing stays of it', async () => {
    const folders = readdirSync(join(root, 'library', 'datasets'));
    const edit = (edits: Parameters<Library['datasets']['edit']>[1]) => refused(library.datasets.edit(id, edits));
    expect((await edit([{ kind: 'exclude', positions: [7000] }])).message).toMatch(/7000 is not one/);
    expect((await edit([{ kind: 'relabel', positions: [0], label: 10 }])).message).toMatch(/10 is not one/);
    const same = [{ kind: 'relabel', positions: [0], label: packed.labels[0] ?? 0 }] as const;
    expect((await edit(same.map((one) => ({ ...one, positions: [...one.positions] })))).message).toMatch(
      /change nothing/,
    );
    const all = { kind: 'exclude' as const, positions: [...packed.labels.keys()] };
    expect((await edit([all])).message).toMatch(/no image of MNIST sample would be left/);
    expect(readdirSync(join(root, 'library', 'datasets'))).toEqual(folders);
  });
});

describe('verification finds', () => {
  test('one damaged byte, and says in which image', async () => {
    const { id: copy } = await library.datasets.edit(id, [{ kind: 'exclude', positions: [5] }], 'damaged');
    const folder = library.datasets.folder(copy);
    // Not through the link: the parent stays whole.
    const bytes = readFileSync(join(folder, 'images.u8'));
    rmSync(join(folder, 'images.u8'));
    writeFileSync(join(folder, 'images.u8'), bytes);
    const file = openSync(join(folder, 'images.u8'), 'r+');
    writeSync(file, Uint8Array.of(255 - (bytes[784 * 1234 + 300] ?? 0)), 0, 1, 784 * 1234 + 300);
    closeSync(file);
    const check = await library.datasets.verify(copy);
    expect(check).toMatchObject({ ok: false, damaged: [1234] });
    expect(check.message).toMatch(/Image 1234 is damaged in .*images\.u8/);
    writeFileSync(join(folder, 'images.u8'), bytes);
    expect(await library.datasets.verify(copy)).toMatchObject({ ok: true, damaged: [] });
    const labels = readFileSync(join(folder, 'labels.u16'));
    labels[0] = ((labels[0] ?? 0) + 1) % 10;
    writeFileSync(join(folder, 'labels.u16'), labels);
    expect((await library.datasets.verify(copy)).message).toMatch(/All images are as they were imported.*labels\.u16/);
    writeFileSync(join(folder, 'labels.u16'), labels.subarray(2));
    expect((await library.datasets.verify(copy)).message).toMatch(/labels\.u16 has 13998 bytes where 14000 belong/);
    library.entities.delete(copy);
  });
});

describe('an export of a selection', () => {
  test('as a folder holds the pixels, and can be imported again with its splits', async () => {
    const { positions } = await select('(class:3 OR class:4) (position:<300 OR position:>6800)');
    const target = join(root, 'folder');
    expect(await library.datasets.export(id, positions, 'folder', target)).toBe(positions.length);
    const [first = 0] = positions;
    const name = packed.manifest.classes[packed.labels[first] ?? 0] ?? '';
    const { data, width, depth, channels } = decode(
      readFileSync(join(target, name, `${String(first).padStart(4, '0')}.png`)),
    );
    expect([width, depth, channels]).toEqual([28, 8, 1]);
    expect([...data]).toEqual([...packed.readBytes([first])]);
    const lines = readFileSync(join(target, 'manifest.csv'), 'utf8').trim().split('\n');
    expect(lines[0]).toBe('file,label,split,position,name');
    expect(lines).toHaveLength(positions.length + 1);
    expect((await refused(library.datasets.export(id, positions, 'folder', target))).message).toMatch(/not empty/);

    const { id: back } = await library.datasets.import(importPlan.parse({ path: target, originals: 'reference' }));
    await done(back);
    const again = await openPacked(library.datasets.folder(back));
    expect(again.manifest).toMatchObject({ images: positions.length, classes: ['3', '4'], shape: [28, 28, 1] });
    const items = await library.datasets.items(back, [...again.labels.keys()]);
    for (const { position, columns, label, split } of items) {
      const from = Number(columns?.['position']);
      expect(label).toBe((packed.labels[from] ?? 0) - 3);
      expect(SPLITS.indexOf(split ?? 'train')).toBe(packed.splits[from]);
      expect([...again.readBytes([position])]).toEqual([...packed.readBytes([from])]);
    }
    again.close();
    const few = await select('column.position:<100', { sort: { by: 'column.position', descending: true } }, back);
    expect(few.positions.length).toBe([...positions].filter((at) => at < 100).length);

    // Moved and renamed, they are found by what is in them; what was changed meanwhile is not.
    const moved = join(root, 'elsewhere');
    cpSync(target, join(moved, 'deep', 'down'), { recursive: true });
    renameSync(join(moved, 'deep', 'down', '3'), join(moved, 'threes'));
    const [changed = ''] = readdirSync(join(moved, 'threes'));
    appendFileSync(join(moved, 'threes', changed), 'x');
    expect(await library.datasets.relocate(back, moved)).toEqual({
      originals: positions.length,
      found: positions.length - 1,
      missing: [`3/${changed}`],
    });
    const located = await library.datasets.items(back, [0, 1]);
    for (const { original, name } of located) {
      const kept = name === `3/${changed}`;
      expect(original?.startsWith(kept ? target : moved), original ?? '').toBe(true);
      expect(existsSync(original ?? '')).toBe(true);
    }
    // In an archive that somebody made of them, too.
    const zip = new ZipFile();
    for (const { name } of items) zip.addFile(join(target, name ?? ''), `packed/${name}`);
    zip.end();
    const packedAway = join(root, 'packed');
    mkdirSync(packedAway);
    await pipeline(zip.outputStream, createWriteStream(join(packedAway, 'all.zip')));
    expect(await library.datasets.relocate(back, packedAway)).toMatchObject({ found: positions.length, missing: [] });
    expect((await refused(library.datasets.relocate(id, moved))).message).toMatch(/without a reference/);
  });

  test('as NPZ holds arrays that NumPy reads, as CSV a line per image', async () => {
    const positions = Uint32Array.of(6999, 3, 500);
    await library.datasets.export(id, positions, 'npz', join(root, 'some.npz'));
    const arrays = await readNpz(join(root, 'some.npz'));
    expect(arrays['images']).toMatchObject({ dtype: 'u8', shape: [3, 28, 28, 1] });
    expect([...(arrays['images']?.data ?? [])]).toEqual([...packed.readBytes(positions)]);
    expect([...(arrays['labels']?.data ?? [])]).toEqual([...positions].map((at) => packed.labels[at]));
    expect([...(arrays['positions']?.data ?? [])]).toEqual([6999, 3, 500]);
    await library.datasets.export(id, positions, 'csv', join(root, 'some.csv'));
    const [head, first] = readFileSync(join(root, 'some.csv'), 'utf8').split('\n');
    expect(head).toBe('position,class,label,split,name,width,height,brightness,contrast');
    expect(first).toMatch(/^6999,\d,\d,test,/);
    const { message } = await refused(library.datasets.export(id, Uint32Array.of(7000), 'csv', join(root, 'no.csv')));
    expect(message).toMatch(/no image 7000/);
    expect(readdirSync(root).filter((name) => name.includes('.tmp'))).toEqual([]);
  });

  test('that is stopped leaves nothing', async () => {
    const made = refused(library.datasets.export(id, null, 'folder', join(root, 'all')));
    await new Promise<void>((resolve) => {
      const off = library.events.on('dataset.task', ({ task, done: count }) => {
        if (task !== 'export' || count === 0) return;
        off();
        resolve();
      });
    });
    library.datasets.stop(id, 'export');
    expect((await made).code).toBe('cancelled');
    expect(readdirSync(root).filter((name) => name.includes('all'))).toEqual([]);
  });
});
