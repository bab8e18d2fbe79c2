import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { datasetManifest } from '../../../shared/domain/dataset.ts';
import { datasetQuery, type DatasetSelection } from '../../../shared/domain/dataset-view.ts';
import { writeItems, type ItemRow } from '../../compute/data/items.ts';
import { openStore } from '../../store/store.ts';
import { openSet } from './open-sets.ts';
import { select } from './select.ts';

const IMAGES = 100_000;
const ID = 'dataset-00000000aa';
const root = mkdtempSync(join(tmpdir(), 'pairlight-select-'));
const store = openStore(join(root, 'library'));
afterAll(() => {
  store.close();
  rmSync(root, { recursive: true });
});

const row = (position: number): ItemRow => ({
  position,
  name: `IMG_${(position * 31) % IMAGES}.jpg`,
  width: 64 + (position % 300),
  height: 48,
  brightness: ((position * 37) % 1000) / 1000,
  contrast: 0.2,
  hash: new Uint8Array(16),
  phash: null,
  columns: { place: `Town ${(position * 17) % 4000}` },
});

/** A packed set of 100,000 images of one pixel each. */
function makeSet(): string {
  const folder = store.folder.of('dataset', ID);
  mkdirSync(folder, { recursive: true });
  const images = Uint8Array.from({ length: IMAGES }, (_, at) => at & 255);
  const labels = Uint8Array.from({ length: 2 * IMAGES }, (_, at) => (at % 2 === 0 ? (at / 2) % 20 : 0));
  const splits = Uint8Array.from({ length: IMAGES }, (_, at) => at % 3);
  const hash = createHash('sha256').update(images).update(labels).update(splits).digest('hex');
  const manifest = datasetManifest.parse({
    format: 1,
    id: ID,
    name: 'Large',
    images: IMAGES,
    shape: [1, 1, 1],
    classes: Array.from({ length: 20 }, (_, label) => `class ${label}`),
    splits: { train: 33_334, validation: 33_333, test: 33_333 },
    classCounts: new Array<number>(20).fill(5000),
    source: { kind: 'folder', paths: [root], attribution: null },
    splitSeed: 0,
    hash,
    skipped: [],
    created: new Date(0).toISOString(),
  });
  writeFileSync(join(folder, 'images.u8'), images);
  writeFileSync(join(folder, 'labels.u16'), labels);
  writeFileSync(join(folder, 'splits.u8'), splits);
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
  writeItems(
    join(folder, 'items.db'),
    (function* () {
      for (let position = 0; position < IMAGES; position += 1) yield row(position);
    })(),
  );
  store.datasets.add(manifest, 1);
  return folder;
}

test('100,000 images are filtered, ordered and grouped as brute force does, without holding the process up', async () => {
  const set = await openSet(makeSet());
  let longest = 0;
  let before = process.cpuUsage();
  let watching = true;
  const watch = (): void => {
    // Time of the processor, not of the clock: other work on this machine is no fault of this one.
    const { user, system } = process.cpuUsage(before);
    longest = Math.max(longest, (user + system) / 1000);
    before = process.cpuUsage();
    if (watching) setImmediate(watch);
  };
  const ask = (filter: string, by: string, groupBy = 'none'): Promise<DatasetSelection> =>
    select(store, set, datasetQuery.parse({ id: ID, filter, sort: { by }, groupBy }));
  // What is read and sorted once.
  await ask('town', 'name');
  const cases = [
    ['brightness:<0.3 -class:"class 1*"', 'brightness', 'split'],
    ['name:*_99* split:test', 'name', 'class'],
    ['town*12 OR width:>350', 'position', 'none'],
  ] as const;
  const all = Array.from({ length: IMAGES }, (_, position) => row(position));
  const holds = [
    ({ position, brightness }: ItemRow) => brightness < 0.3 && position % 20 !== 1 && position % 20 < 10,
    ({ position, name }: ItemRow) => /_99/.test(name) && position % 3 === 2,
    ({ width, columns }: ItemRow) => /^Town.*12$/.test(String(columns?.['place'])) || width > 350,
  ];
  for (const [at, [filter, by, groupBy]] of cases.entries()) {
    const { positions, groups, problem } = await ask(filter, by, groupBy);
    expect(problem).toBe(null);
    const expected = all.filter((item) => holds[at]?.(item)).map(({ position }) => position);
    expect([...positions].sort((a, b) => a - b)).toEqual(expected);
    for (const { start, count } of groups) {
      const keys = [...positions.subarray(start, start + count)].map((position) => {
        if (by === 'brightness') return row(position).brightness;
        return by === 'name' ? (position * 31) % IMAGES : position;
      });
      expect(keys).toEqual([...keys].sort((a, b) => a - b));
    }
  }
  before = process.cpuUsage();
  setImmediate(watch);
  for (const [filter, by, groupBy] of cases) await ask(filter, by, groupBy);
  watching = false;
  set.close();
  expect(longest).toBeLessThan(50);
}, 60_000);
