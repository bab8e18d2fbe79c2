import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importPlan } from '../../shared/domain/import-plan.ts';
import { evaluationRequest } from '../../shared/domain/evaluation.ts';
import type { EvaluationRequestInput } from '../../shared/domain/evaluation.ts';
import { planExtension, planRequest } from '../../shared/domain/plan.ts';
import type { NpyArray } from '../compute/arrays/npy.ts';
import { readNpz, writeNpz } from '../compute/arrays/npz.ts';
import type { Library } from './library.ts';
import { openLibrary } from './open-library.ts';
import { recordingLauncher } from './recording-launcher.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-bad-input-'));
const FIXTURE = join(import.meta.dirname, '../compute/fixtures/fixture-small-adv.npz');
/** Each import and evaluation is a process of its own, in milliseconds. */
const TIMEOUT = 180_000;
const launcher = recordingLauncher();
const { pids } = launcher;
let library: Library;
let dataset: string;
let model: string;

beforeAll(async () => {
  library = await openLibrary(root, { launcher });
  dataset = library.datasets.list()[0]?.id ?? '';
  model = await importModel('robust', {});
}, TIMEOUT);
afterAll(async () => {
  await library.dispose();
  rmSync(root, { recursive: true });
});

/** The fixture's network with some of its weights changed. */
async function importModel(
  name: string,
  changes: Readonly<Record<string, (value: number, at: number) => number>>,
): Promise<string> {
  const arrays: Record<string, NpyArray> = Object.fromEntries(
    Object.entries(await readNpz(FIXTURE)).filter(([key]) => /_[wb]$/.test(key)),
  );
  for (const [key, change] of Object.entries(changes)) {
    const array = arrays[key]!;
    arrays[key] = { ...array, data: (array.data as Float32Array).map(change) };
  }
  const path = join(root, `${name}.npz`);
  await writeNpz(path, arrays);
  return (await library.models.import({ path, architecture: 'small-cnn', dataset, name })).id;
}

const request = (change: Partial<EvaluationRequestInput>) =>
  evaluationRequest.parse({
    dataset,
    targets: [model],
    attack: { name: 'fgsm', settings: {} },
    examples: { count: 6 },
    engine: 'wasm',
    ...change,
  });
const refusal = (change: Partial<EvaluationRequestInput>): Promise<unknown> =>
  library.evaluations.create(request(change)).then(
    () => 'accepted',
    (error: unknown) => error,
  );
async function evaluated(change: Partial<EvaluationRequestInput>) {
  const { id } = await library.evaluations.create(request(change));
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
  const { result } = library.evaluations.get(id);
  return result!;
}

describe('what makes an evaluation worthless', { timeout: TIMEOUT }, () => {
  it('ε beyond its range is refused by name, before any job runs', async () => {
    const jobs = pids.length;
    for (const epsilon of [3, -0.1]) {
      expect(await refusal({ attack: { name: 'pgd', settings: { epsilon } } })).toMatchObject({
        code: 'invalid-input',
        message: expect.stringMatching(/attack pgd: epsilon: must be at (most|least)/) as string,
      });
    }
    expect(pids).toHaveLength(jobs);
  });

  it('ε at flat grey, and steps that cannot reach ε, are said beside the number and before the start', async () => {
    const attack = { name: 'pgd', settings: { epsilon: 0.5, steps: 3, stepSize: 0.1 } };
    const { notes } = await evaluated({ attack });
    expect(notes.join('\n')).toMatch(/flat grey.*10\.0 % on 10 balanced classes/);
    expect(notes.join('\n')).toMatch(/3 steps of 0\.1 move a pixel by at most 0\.3, less than ε 0\.5/);
    const asked = planRequest.parse({ dataset, models: [model], attacks: [attack] });
    const { warnings } = await library.plans.estimate(asked);
    expect(warnings.join('\n')).toMatch(/flat grey/);
    expect(warnings.join('\n')).toMatch(/less than ε 0\.5/);
  });

  it('outputs that are probabilities, and logits that are not finite, are said beside the number', async () => {
    const even = await importModel('even', { fc2_w: () => 0, fc2_b: (_, at) => (at === 7 ? 0.4 : 0.6 / 9) });
    const huge = await importModel('huge', { fc1_w: (value) => value * 1e30, fc2_w: (value) => value * 1e30 });
    const likely = await evaluated({ targets: [even] });
    expect(likely.notes.join('\n')).toMatch(/seems to give probabilities, not logits/);
    const infinite = await evaluated({ targets: [huge] });
    expect(infinite.notes.join('\n')).toMatch(/NaN or infinite for 6 of 6 images/);
    expect(infinite.targets[0]).toMatchObject({ cleanAccuracy: 0, robustAccuracy: 0 });
  });

  it('weights that are no numbers, and files that are cut off, are refused', async () => {
    await expect(importModel('nan', { fc2_b: () => Number.NaN })).rejects.toMatchObject({
      code: 'bad-data',
      message: expect.stringMatching(/fc2_b holds values that are not finite/) as string,
    });
    const path = join(root, 'cut.npz');
    writeFileSync(path, readFileSync(FIXTURE).subarray(0, 5000));
    await expect(library.models.import({ path, architecture: 'small-cnn', dataset })).rejects.toMatchObject({
      code: 'bad-data',
    });
  });

  it('a source or a target of other images is refused by name', async () => {
    const shape = [12, 28, 28, 3];
    const data = Float32Array.from({ length: 12 * 28 * 28 * 3 }, (_, at) => (at % 7) / 7);
    const labels = Int32Array.from({ length: 12 }, (_, at) => at % 10);
    const path = join(root, 'colour.npz');
    await writeNpz(path, {
      images: { dtype: 'f32', shape, data },
      labels: { dtype: 'i32', shape: [12], data: labels },
    });
    const { id } = await library.datasets.import(importPlan.parse({ path, name: 'colour' }));
    expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
    for (const change of [{ dataset: id }, { dataset: id, targets: [model], source: model }]) {
      expect(await refusal(change)).toMatchObject({
        code: 'invalid-input',
        message: expect.stringMatching(/robust takes images of 28×28×1 .* colour has 28×28×3/) as string,
      });
    }
  });
});

describe('a model that is deleted', { timeout: TIMEOUT }, () => {
  it('ends what waited for it, says so to who names it, and leaves the numbers of other models', async () => {
    const [gone, other] = [await importModel('gone', {}), await importModel('other', { fc2_b: (value) => value + 1 })];
    const asked = planRequest.parse({
      dataset,
      models: [gone, other],
      attacks: [{ name: 'fgsm', settings: {} }],
      examples: { count: 6 },
      engine: 'wasm',
    });
    const { id: plan } = await library.plans.create(asked);
    for (const step of library.plans.get(plan).evaluations) await library.jobs.wait(step);
    // Killed, with two models of which one goes.
    const { id } = await library.evaluations.create(
      request({
        targets: [gone, other],
        attack: { name: 'square', settings: { epsilon: 0.01, queries: 100_000 } },
      }),
    );
    while (library.jobs.get(id).progress === null) await new Promise((resolve) => setTimeout(resolve, 20));
    process.kill(pids.at(-1)!, 'SIGKILL');
    expect(await library.jobs.wait(id)).toMatchObject({ state: 'interrupted' });

    library.entities.delete(gone);
    library.jobs.resume(id);
    expect(await library.jobs.wait(id)).toMatchObject({
      state: 'failed',
      error: { code: 'not-found', message: expect.stringMatching(/no model/) as string },
    });
    expect(await refusal({ targets: [gone] })).toMatchObject({ code: 'not-found' });
    const result = await library.plans.result(plan);
    expect(result.models).toEqual([other]);
    expect(Object.keys(result.cells)).toEqual([other]);
    await expect(
      library.plans.extend(planExtension.parse({ id: plan, attacks: [{ name: 'noise', settings: {} }] })),
    ).rejects.toMatchObject({ code: 'not-found' });
    // It comes back with all that was there.
    library.entities.restore(gone);
    expect((await library.plans.result(plan)).models).toEqual([gone, other]);
  });
});
