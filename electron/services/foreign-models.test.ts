import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evaluationRequest } from '../../shared/domain/evaluation.ts';
import { forkLauncher } from './launch-fork.ts';
import type { Library } from './library.ts';
import { exportModel } from './model-export/export.ts';
import { openLibrary } from './open-library.ts';

const FIXTURES = join(import.meta.dirname, '../compute/fixtures');
const root = mkdtempSync(join(tmpdir(), 'pairlight-foreign-'));
/** Each import and evaluation is a process of its own, in milliseconds. */
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

const evaluate = async (target: string, attack: string, settings: object, count: number): Promise<string> => {
  const examples = { count };
  const made = { dataset, targets: [target], attack: { name: attack, settings }, examples, engine: 'wasm' };
  const { id } = await library.evaluations.create(evaluationRequest.parse(made));
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
  return id;
};
const refused = (made: Promise<unknown>): Promise<{ code: string; message: string }> =>
  made.then(
    () => Promise.reject(new Error('was accepted')),
    (error: { code: string; message: string }) => error,
  );

test(
  'an ONNX classifier of PyTorch is tried on the data, imported, and attacked on its scores',
  async () => {
    const path = join(FIXTURES, 'foreign.onnx');
    const normalisation = { mean: [0.1307], deviation: [0.3081] };
    const model = await library.models.import({ path, dataset, reading: { normalisation } });
    expect(model).toMatchObject({
      name: 'foreign',
      architecture: 'onnx',
      classes: 10,
      foreign: {
        format: 'onnx',
        reading: { layout: 'nchw', output: 'probabilities', normalisation: { mean: [0.1307] } },
      },
    });
    expect(library.models.list().find(({ id }) => id === model.id)).toEqual(model);
    const evaluation = await evaluate(model.id, 'square', { epsilon: 0.2, queries: 60 }, 20);
    const target = library.evaluations.get(evaluation).result?.targets[0];
    expect(target?.cleanAccuracy).toBeGreaterThan(0.85);
    expect(target?.robustAccuracy).toBeLessThan(target?.cleanAccuracy ?? 0);
    const error = await refused(evaluate(model.id, 'pgd', {}, 4));
    expect(error).toMatchObject({ code: 'unsupported' });
    expect(error.message).toMatch(/foreign \(onnx\) there is a forward pass alone/);
  },
  TIMEOUT,
);

test(
  'a damaged file, and weights of no architecture, are refused, and leave nothing behind',
  async () => {
    const before = library.models.list().length;
    const damaged = join(root, 'damaged.onnx');
    writeFileSync(damaged, readFileSync(join(FIXTURES, 'foreign.onnx')).subarray(0, 4000));
    expect(await refused(library.models.import({ path: damaged, dataset }))).toMatchObject({ code: 'bad-data' });
    const weights = join(FIXTURES, 'fixture-small-adv.npz');
    expect((await refused(library.models.import({ path: weights, dataset }))).message).toMatch(
      /say which architecture/,
    );
    expect(library.models.list()).toHaveLength(before);
  },
  TIMEOUT,
);

test(
  'what is exported comes back as the same model, and PyTorch confirms its numbers',
  async (context) => {
    const weights = join(FIXTURES, 'fixture-small-adv.npz');
    const model = await library.models.import({ path: weights, architecture: 'small-cnn', dataset, name: 'adv' });
    const evaluation = await evaluate(model.id, 'pgd', { epsilon: 0.25, steps: 10 }, 8);
    const folder = join(root, 'export');
    const formats = ['npz', 'safetensors', 'onnx', 'verify'] as const;
    const files = await exportModel(library, model.id, { folder, formats, layout: 'nhwc' });
    expect(files.map((file) => file.slice(folder.length + 1)).sort()).toEqual([
      'claim-1.npz',
      'claims.json',
      'images.npz',
      'model.onnx',
      'network.json',
      'verify.py',
      'weights.npz',
      'weights.safetensors',
    ]);
    const own = library.evaluations.get(evaluation).result?.targets[0];
    const path = join(folder, 'model.onnx');
    // A robust network does about as well on normalised images: only its maker knows what it was trained on.
    expect((await refused(library.models.import({ path, dataset }))).message).toMatch(
      /about as well with two readings/,
    );
    const again = await library.models.import({ path, dataset, reading: { range: 'unit' } });
    expect(again.foreign?.reading).toMatchObject({
      layout: 'nhwc',
      range: 'unit',
      normalisation: null,
      output: 'logits',
    });
    const tensors = await library.models.import({
      path: join(folder, 'weights.safetensors'),
      architecture: 'small-cnn',
      dataset,
    });
    expect(tensors.parameters).toBe(model.parameters);

    const python = process.env['PAIRLIGHT_PYTHON'];
    if (python === undefined || !existsSync(python)) {
      return context.skip('verify.py needs a Python with torch: name it in PAIRLIGHT_PYTHON');
    }
    const report = join(root, 'report.json');
    const script = [
      join(folder, 'verify.py'),
      '--threads',
      '1',
      '--tolerance',
      '13',
      '--skip-autoattack',
      '--json',
      report,
    ];
    await promisify(execFile)(python, script).catch((error: { stdout: string; stderr: string }) => {
      throw new Error(`${error.stdout}\n${error.stderr}`);
    });
    const { passed, checks } = JSON.parse(readFileSync(report, 'utf8')) as {
      passed: boolean;
      checks: { what: string; here?: number }[];
    };
    expect(passed).toBe(true);
    expect(checks.find(({ what }) => what === 'clean accuracy')?.here).toBeCloseTo(own?.cleanAccuracy ?? NaN, 6);
    expect(checks.some(({ what }) => what.startsWith('PGD-10'))).toBe(true);
    return undefined;
  },
  TIMEOUT,
);
