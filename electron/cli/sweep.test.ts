import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import type { GalleryRow } from '../../shared/domain/library.ts';
import { openStore } from '../store/store.ts';
import type { SweepRecord } from '../services/sweeps/record.ts';
import type { SweepTable } from '../services/sweeps/table.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-sweep-command-'));
/** Each command is a process with processes of its own, in milliseconds. */
const TIMEOUT = 480_000;
afterAll(() => rmSync(root, { recursive: true }));

const cli = join(import.meta.dirname, 'cli.ts');
const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };

interface Outcome {
  readonly code: number;
  readonly said: string;
  readonly result: SweepTable & { readonly failed: readonly unknown[] };
}

/** Runs the command line from its sources, in a library of that name. */
async function sweep(library: string, ...args: readonly string[]): Promise<Outcome> {
  const words = [cli, 'sweep', ...args, '--json', '--library', join(root, library)];
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, words, { env });
    return { code: 0, said: stderr, result: JSON.parse(stdout) as Outcome['result'] };
  } catch (thrown) {
    const { code, stderr } = thrown as { readonly code: number; readonly stderr: string };
    return { code, said: stderr, result: {} as Outcome['result'] };
  }
}

/** Starts the command and kills it with signal 9 as soon as it says that. */
async function killedAt(library: string, file: string, moment: string): Promise<void> {
  const child = spawn(process.execPath, [cli, 'sweep', file, '--library', join(root, library)], { env });
  let said = '';
  const signal = await new Promise<string | null>((resolve) => {
    child.stderr.on('data', (bytes: Buffer) => {
      said += bytes.toString();
      if (said.includes(moment)) child.kill('SIGKILL');
    });
    child.on('close', (_code, how) => resolve(how));
  });
  expect(signal, said).toBe('SIGKILL');
}

/** Ids and names of what a library has, by kind. */
function contents(library: string) {
  const store = openStore(join(root, library));
  const runs = store.runs.list().map(({ id, name, state }) => ({ id, name, state }));
  const evaluations = store.evaluations.list().map(({ id, state }) => ({ id, state }));
  const sweeps = store.sweeps.list();
  store.close();
  return { runs, evaluations, sweeps };
}

/** The only attention gallery of a library. */
function expectOneGallery(library: string): GalleryRow {
  const store = openStore(join(root, library));
  const galleries = store.galleries.list();
  store.close();
  expect(galleries).toHaveLength(1);
  return galleries[0]!;
}

function written(name: string, text: string): string {
  const file = join(root, `${name}.yaml`);
  writeFileSync(file, text);
  return file;
}

const SMALL = written(
  'small',
  `name: Small
dataset: MNIST sample
base: { architecture: small-cnn, batchSize: 16, trainLimit: 320, epochs: 1, epsilonWarmup: 0, validationEvery: 1, validationSteps: 1, checkpointEvery: 5, attackSteps: 2, epsilon: 0.1 }
grid:
  defence: [natural, m-pgd]
seeds: [0, 1]
surrogates:
  gray-box: { trainLimit: 160 }
evaluate:
  attacks: [{ name: pgd, settings: { steps: 60 } }]
  epsilons: [0.05]
  examples: { count: 60 }
attention: { examples: 20, attack: { name: pgd, settings: { steps: 2 } }, epsilon: 0.05, reference: gray-box }
engine: wasm
deterministic: true
`,
);

test(
  'a sweep killed −9 while it trains and while it evaluates goes on to the same numbers, and does nothing twice',
  async () => {
    const whole = await sweep('whole', SMALL, '--out', join(root, 'tables'));
    expect(whole.code, whole.said).toBe(0);

    await killedAt('cut', SMALL, 'm-pgd, seed 0: running');
    const first = contents('cut').runs.filter(({ state }) => state === 'done');
    expect(first.length).toBeGreaterThanOrEqual(3);
    // The last job of all: nothing waits behind it.
    await killedAt('cut', SMALL, 'from Small: surrogate gray-box: 4 models: running');
    const second = contents('cut');
    expect(second.runs.map(({ state }) => state)).toEqual(Array(5).fill('done'));
    // The signal is on its way while the job goes on: it may reach its end.
    expect(second.evaluations.map(({ state }) => state).toSorted()).toEqual([
      'done',
      expect.stringMatching(/^(running|done)$/),
    ]);
    const cut = await sweep('cut', SMALL);
    expect(cut.code, cut.said).toBe(0);

    const third = contents('cut');
    expect(third.sweeps).toHaveLength(1);
    expect(third.runs).toEqual(second.runs);
    expect(third.runs).toEqual(expect.arrayContaining(first));
    expect(third.evaluations).toHaveLength(2);
    const gallery = expectOneGallery('cut');
    expect(gallery.request.models).toHaveLength(4);
    expect(gallery.request.indices).toEqual(expectOneGallery('whole').request.indices);
    const { measures = [] } = gallery.result ?? {};
    const ofModel = (model: string): number | undefined =>
      measures.find((one) => one.model === model && one.method === 'grad-cam')?.ratioToNoise?.mean;
    for (const { models, cells } of cut.result.rows) {
      const cell = cells['attention attention in key area, x′ / noise (grad-cam)'];
      expect(cell?.values).toEqual(models.map(ofModel));
      expect(cell?.examples).toBe(20);
    }
    expect(third.evaluations.map(({ id }) => id)).toEqual(second.evaluations.map(({ id }) => id));

    const listed = await sweep('cut', '--list');
    const none = { waiting: 0, running: 0, failed: 0, missing: 0 };
    expect(listed.result).toMatchObject([
      {
        name: 'Small',
        progress: {
          trainings: { ...none, done: 5 },
          evaluations: { ...none, done: 2 },
          galleries: { ...none, done: 1 },
          checks: { ...none, done: 0 },
        },
      },
    ]);

    const numbers = ({ result: { columns, rows } }: Outcome) => ({
      columns: columns.map(({ label }) => label),
      rows: rows.map(({ label, seeds, cells, checks }) => ({
        label,
        seeds,
        checks,
        cells: Object.values(cells).map(({ models: _, ...cell }) => cell),
      })),
    });
    expect(numbers(cut)).toEqual(numbers(whole));
    expect(whole.result.failed).toEqual([]);
    expect(numbers(whole).columns).toEqual([
      'clean',
      'PGD-60, ε 0.05',
      'PGD-60, ε 0.05 from gray-box',
      'worst case, ε 0.05',
      ...['activation', 'grad-cam'].flatMap((method) => [
        `attention in key area, x′ / x (${method})`,
        `attention in key area, x′ / noise (${method})`,
        `IoU of x and x′ (${method})`,
        `cosine of x and x′ (${method})`,
      ]),
    ]);
    for (const { models, cells } of whole.result.rows) {
      expect(models).toHaveLength(2);
      for (const { mean, std, values } of Object.values(cells)) {
        const [a = 0, b = 0] = values;
        expect(mean).toBeCloseTo((a + b) / 2, 12);
        expect(std).toBeCloseTo(Math.abs(a - b) / Math.SQRT2, 12);
      }
    }

    const markdown = readFileSync(join(root, 'tables', 'sweep.md'), 'utf8');
    expect(markdown).toMatch(
      /^\| {2}\| clean \| PGD-60, ε 0\.05 † \| .* \| masking check \| training \| evaluation \|\n/,
    );
    expect(markdown).toMatch(/\n\| m-pgd \| \d+\.\d ± \d+\.\d \(2\) \| .*not checked \| \d+ s \| \d+ s \|\n/);
    expect(markdown).toMatch(/† Too weak to be a claim of robustness/);
    expect(readFileSync(join(root, 'tables', 'sweep.tex'), 'utf8')).toMatch(
      /m-pgd & \d+\.\d \$\\pm\$ \d+\.\d \(2\) & /,
    );
    const csv = readFileSync(join(root, 'tables', 'sweep.csv'), 'utf8')
      .trim()
      .split('\n');
    expect(csv[0]).toBe(
      'row,defence,measured,mean,std,seeds,values,examples,remark,masking_check,training_seconds,evaluation_seconds',
    );
    expect(csv).toHaveLength(1 + 2 * (4 + 8));
    expect(readFileSync(join(root, 'tables', 'sweep.tex'), 'utf8')).toContain(
      "in key area, x$'$ / noise (grad-cam) & ",
    );
    const record = JSON.parse(readFileSync(join(root, 'tables', 'sweep.json'), 'utf8')) as SweepRecord;
    expect(record).toMatchObject({
      commands: [`pairlight sweep ${SMALL} --data FOLDER`],
      failed: [],
      dataset: { name: 'MNIST sample', shape: [28, 28, 1] },
    });
    const whose = record.trainings.map(({ surrogate, row, seed }) => [surrogate ?? row, seed]);
    expect(whose).toEqual([
      ['gray-box', 1000],
      ...['natural', 'm-pgd'].flatMap((row) => [0, 1].map((seed) => [row, seed])),
    ]);
    for (const { state, seconds, engine } of [...record.trainings, ...record.evaluations, ...record.galleries]) {
      expect([state, engine?.name]).toEqual(['done', 'wasm']);
      expect(seconds).toBeGreaterThan(0);
    }
    for (const { label, seconds } of record.table.rows) {
      const own = record.trainings.filter(({ row }) => row === label);
      expect(seconds.training).toBeCloseTo(
        own.reduce((sum, run) => sum + (run.seconds ?? 0), 0),
        9,
      );
    }
    const evaluated = record.table.rows.reduce((sum, { seconds }) => sum + seconds.evaluation, 0);
    expect(evaluated).toBeCloseTo(
      record.evaluations.reduce((sum, one) => sum + (one.seconds ?? 0), 0),
      9,
    );
    expect(markdown).toMatch(/\n\| m-pgd \| \d\.\d{3} ± \d\.\d{3} \(2\) \|/);
    expect(markdown).toMatch(
      /\nAttention under white-box PGD-2, ε 0\.05 on 20 images, layer last: the key area is the top 20 % of gray-box’s clean map\.\n/,
    );
  },
  TIMEOUT,
);

test.each([
  [
    'ten thousand trainings are asked about',
    `seeds: [${Array.from({ length: 100 }, (_, seed) => seed).join(', ')}]
grid: { defence: [natural], learningRate: [${Array.from({ length: 100 }, (_, step) => (step + 1) / 1000).join(', ')}] }`,
    /asks for 10000 trainings\. Look at them with --dry-run, and start with --yes\./,
    2,
  ],
  [
    'an architecture that is too deep for the images is refused before anything is trained',
    `grid: { defence: [natural], architecture: [small-cnn, vgg16-bn] }
base: {}`,
    /natural, vgg16-bn, seed 0: Images of 28×28 are too small for vgg16-bn/,
    2,
  ],
])(
  '%s',
  async (name, text, message, code) => {
    const base = text.includes('base:') ? '' : 'base: { architecture: small-cnn }\n';
    const file = written(
      name.replaceAll(' ', '-'),
      `name: Bad\ndataset: MNIST sample\n${base}${text.replace('base: {}', '')}\n`,
    );
    const outcome = await sweep('bad', file);
    expect(outcome.said).toMatch(message);
    expect(outcome.code).toBe(code);
    expect(contents('bad')).toEqual({ runs: [], evaluations: [], sweeps: [] });
  },
  TIMEOUT,
);

test(
  'a data set that is missing is named, and imported from the folder that is given',
  async () => {
    const file = written(
      'missing',
      'name: Missing\ndataset: { name: My digits, format: idx }\nbase: { architecture: small-cnn, defence: natural }\n',
    );
    const without = await sweep('bad', file, '--dry-run');
    expect(without.said).toMatch(/dataset: there is no “My digits” in this library\. It has .* with --data\./);
    expect(without.code).toBe(1);
    const sample = join(import.meta.dirname, '../../resources/sample');
    const imported = await sweep('bad', file, '--dry-run', '--data', sample);
    expect(imported.said).toMatch(
      /1 trainings, 0 measurements, 0 attention galleries, 0 masking checks\n {2}natural; seeds 0\nTime: unknown, no speed was measured/,
    );
    expect(imported.code).toBe(0);
  },
  TIMEOUT,
);
