import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forkLauncher } from '../launch-fork.ts';
import type { Library } from '../library.ts';
import { openLibrary } from '../open-library.ts';
import { readSweep, withPreset } from './read.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-bad-sweeps-'));
let library: Library;
beforeAll(async () => {
  library = await openLibrary(root, { launcher: forkLauncher(join(import.meta.dirname, '../../compute/job-host.ts')) });
});
afterAll(async () => {
  await library.dispose();
  rmSync(root, { recursive: true });
});

const SMALL = 'base: { architecture: small-cnn }';

test.each([
  ['no defence', SMALL, /it has no defence\. Name one under base, grid or list: natural, /],
  [
    'no architecture',
    'base: { defence: at }',
    /at, seed 0: it has no architecture\. Name one under base, grid or list: /,
  ],
  [
    'an architecture that is too deep for the images',
    'grid: { defence: [natural], architecture: [small-cnn, vgg16-bn] }',
    /natural, vgg16-bn, seed 0: Images of 28×28 are too small for vgg16-bn/,
  ],
  ['a negative weight', `${SMALL}\ngrid: { defence: [alp], alpha: [1, -1] }`, /alp, alpha -1, seed 0: .*alpha/],
  [
    'a layer to pair that the network lacks',
    `${SMALL}\nlist: [{ defence: at-alp, layers: [conv9] }]`,
    /at-alp, seed 0: .*conv9.*conv1/s,
  ],
  [
    'a batch of one image for a defence that needs pairs',
    `${SMALL}\nlist: [{ defence: clp, batchSize: 1 }]`,
    /clp, seed 0: batchSize: clp pairs images of a batch with each other: take at least 2\./,
  ],
  ['weights that are nowhere', `${SMALL}\nlist: [{ defence: at, initial: nowhere.npz }]`, /at, seed 0: .*nowhere\.npz/],
  [
    'a member of an ensemble that the library lacks',
    `${SMALL}\nlist: [{ defence: ensemble-at, members: [nobody] }]`,
    /ensemble-at, seed 0: members: this library has no finished model “nobody”/,
  ],
  ['an attack that does not exist', `${SMALL}\ngrid: { defence: [natural] }\nevaluate: { attacks: [pgdd] }`, /pgdd/],
  [
    'a source that is no surrogate',
    `${SMALL}\ngrid: { defence: [natural] }\nevaluate: { attacks: [fgsm], sources: [gray] }`,
    /evaluate\.sources: there is no surrogate “gray”\. Valid: white-box/,
  ],
  [
    'a reference of attention that is no surrogate',
    `${SMALL}\ngrid: { defence: [natural] }\nattention: { reference: gray }`,
    /attention\.reference: there is no surrogate “gray”\. Valid: null/,
  ],
  [
    'a layer to look at that a network lacks',
    `${SMALL}\ngrid: { defence: [natural] }\nattention: { layer: conv9 }`,
    /attention\.layer: natural, seed 0 has no layer “conv9”; it has conv1, /,
  ],
  [
    'an attack that attention cannot use',
    `${SMALL}\ngrid: { defence: [natural] }\nattention: { attack: square }`,
    /[Ss]quare/,
  ],
])('%s is refused before anything is trained, with its place', async (_, text, message) => {
  const file = readSweep(`name: Bad\ndataset: MNIST sample\n${text}\n`, 'bad.yaml', await library.catalogue());
  const dataset = library.datasets.list()[0]?.id ?? '';
  const request = { ...withPreset(file, undefined), name: file.name, dataset };
  await expect(library.sweeps.preview(request)).rejects.toThrow(message);
  expect(library.jobs.list().filter(({ kind }) => kind !== 'import')).toEqual([]);
});

test('a sweep that is not in the library is named, whatever is asked of it', async () => {
  const { run, table, progress, record } = library.sweeps;
  for (const ask of [(id: string) => run(id, () => undefined), table, progress, record]) {
    await expect(ask('sweep-nothing0')).rejects.toThrow(/There is no sweep sweep-nothing0 in this library/);
  }
});
