import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CALLS } from '../../../shared/contract/calls.ts';
import { librarySnapshot } from '../../../shared/domain/library.ts';
import { planExtension, planRequest } from '../../../shared/domain/plan.ts';
import type { PlanRequestInput } from '../../../shared/domain/plan.ts';
import { trainConfig } from '../../../shared/domain/training.ts';
import { forkLauncher } from '../launch-fork.ts';
import type { Library } from '../library.ts';
import { openLibrary } from '../open-library.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-plans-'));
const launcher = forkLauncher(join(import.meta.dirname, '../../compute/job-host.ts'));
let library: Library;
let dataset: string;
let models: string[];

beforeAll(async () => {
  library = await openLibrary(root, { launcher });
  dataset = library.datasets.list()[0]?.id ?? '';
  const trained = [0, 1].map((seed) =>
    library.runs.create(
      trainConfig.parse({
        dataset,
        architecture: 'small-cnn',
        defence: 'natural',
        seed,
        engine: 'wasm',
        trainer: { epochs: 1, batchSize: 32, trainLimit: 640, validationSteps: 1 },
      }),
    ),
  );
  models = [];
  for (const made of trained) {
    const { id } = await made;
    expect(await library.jobs.wait(id)).toMatchObject({ state: 'done' });
    models.push(id);
  }
}, 240_000);
afterAll(async () => {
  await library.dispose();
  rmSync(root, { recursive: true });
});

const plan = (change: Partial<PlanRequestInput> = {}) =>
  planRequest.parse({
    dataset,
    models,
    attacks: [
      { name: 'pgd', settings: { steps: 6, restarts: 2 } },
      { name: 'fgsm', settings: {} },
    ],
    epsilons: [0.05, 0.1],
    examples: { count: 30 },
    engine: 'wasm',
    ...change,
  });

async function finished(id: string): Promise<void> {
  for (const step of library.plans.get(id).evaluations) {
    expect(await library.jobs.wait(step)).toMatchObject({ state: 'done', error: null });
  }
}

// Each step is a process of its own: slow where other work keeps the cores busy.
describe('a plan', { timeout: 240_000 }, () => {
  let id: string;

  it('runs its steps cheapest first within each ε, and says before what they would cost', async () => {
    const estimate = CALLS['plans.estimate'].output.parse(await library.plans.estimate(plan()));
    expect(estimate.steps.map(({ label }) => label)).toEqual([
      'FGSM, ε 0.05',
      'PGD-6 × 2, ε 0.05',
      'FGSM, ε 0.1',
      'PGD-6 × 2, ε 0.1',
    ]);
    expect(estimate.steps.map(({ work }) => work)).toEqual([60, 720, 60, 720]);
    expect(estimate.warnings.join()).toMatch(/No attack works without gradients/);
    ({ id } = await library.plans.create(plan()));
    await finished(id);
    const row = library.plans.get(id);
    expect(row).toMatchObject({ state: 'done', done: 4 });
    expect(librarySnapshot.parse(library.snapshot()).plans).toEqual([row]);
    expect(library.evaluations.get(row.evaluations[0] ?? '').plan).toBe(id);
  });

  it('attacks nothing again that an earlier step broke, and ends at the numbers of attacks by themselves', async () => {
    const result = CALLS['plans.result'].output.parse(await library.plans.result(id));
    const alone = await library.plans.create(plan({ mode: 'each' }));
    await finished(alone.id);
    const each = await library.plans.result(alone.id);
    expect(result.columns.map(({ label }) => label)).toEqual(each.columns.map(({ label }) => label));
    for (const model of models) {
      expect(result.worst[model]?.map(({ accuracy }) => accuracy)).toEqual(
        each.worst[model]?.map(({ accuracy }) => accuracy),
      );
      const last = result.columns.at(-1)?.key ?? '';
      const cell = result.cells[model]?.[last];
      expect(cell?.bySeed[0]?.carried).toBeGreaterThan(0);
      expect(each.cells[model]?.[last]?.bySeed[0]?.carried).toBe(0);
      expect(cell?.accuracy.mean).toBe(result.worst[model]?.at(-1)?.accuracy);
      for (const { key } of result.columns) {
        const [carried, own] = [result.cells[model]?.[key], each.cells[model]?.[key]];
        expect(carried?.accuracy.mean).toBeLessThanOrEqual(own?.accuracy.mean ?? 0);
      }
    }
    // x' of a carried example is the one that broke it.
    const [first = '', second = ''] = library.plans.get(id).evaluations;
    const model = models[0] ?? '';
    const of = (evaluation: string) =>
      library.evaluations.examples({
        evaluation,
        model,
        show: 'all',
        sort: 'index',
        descending: false,
        offset: 0,
        limit: 99,
      }).examples;
    const carried = of(second).filter(({ carriedFrom }) => carriedFrom !== null);
    expect(carried.length).toBeGreaterThan(0);
    for (const record of carried) {
      const origin = of(first).find(({ index }) => index === record.index);
      expect(record).toEqual({ ...origin, attacked: false, carriedFrom: first });
    }
  });

  it('runs only what is missing when it is extended', async () => {
    const before = library.plans.get(id).evaluations;
    const { added } = await library.plans.extend(
      planExtension.parse({ id, attacks: [{ name: 'noise', settings: {} }], seeds: [0] }),
    );
    expect(added).toBe(2);
    await finished(id);
    expect(library.plans.get(id).evaluations.slice(0, 4)).toEqual(before);
    const estimate = await library.plans.estimate(library.plans.get(id).request, id);
    expect(estimate.steps.every(({ done }) => done)).toBe(true);
    expect(estimate.seconds).toBe(0);
    expect(await library.plans.extend(planExtension.parse({ id }))).toEqual({ added: 0 });
  });

  it('says what a plan costs from what was measured, work for work', async () => {
    const [model = ''] = models;
    const asked = plan({
      models: [model],
      attacks: [
        { name: 'square', settings: { queries: 300 } },
        { name: 'apgd', settings: { steps: 30 } },
      ],
      epsilons: [0.005],
      mode: 'each',
    });
    const { id: made } = await library.plans.create(asked);
    await finished(made);
    const speeds = library.plans.get(made).evaluations.map((step) => library.evaluations.get(step).result?.speed);
    const { steps } = await library.plans.estimate({ ...asked, seeds: [1] });
    for (const [at, measured] of speeds.entries()) {
      const step = steps[at];
      expect(step?.work).toBe(30 * [31, 300][at]!);
      // Images that are misclassified or break early cost less than that.
      expect(measured?.work).toBeLessThanOrEqual(step?.work ?? 0);
      expect(measured?.work).toBeGreaterThan(0.3 * (step?.work ?? 0));
      expect(step?.unit).toBe(measured?.unit);
      if (step?.basis !== 'same') continue;
      const seconds = ((step.work ?? 0) * (measured?.attackSeconds ?? 0)) / (measured?.work ?? 1);
      expect(step.seconds).toBeCloseTo(seconds, 9);
    }
    expect(steps.map(({ basis }) => basis)).toContain('same');
    const ensemble = { ...asked, attacks: planRequest.shape.attacks.parse([{ name: 'autoattack' }]) };
    const [whole] = (await library.plans.estimate(ensemble)).steps;
    const perUnit = (whole?.seconds ?? 0) / (whole?.work ?? 1);
    expect(whole?.unit).toBe('gradients');
    expect(perUnit).toBeGreaterThan(0);
  });

  it('has falling curves, confusion matrices whose rows are the labels, and paired tests', async () => {
    const curves = CALLS['plans.curves'].output.parse(await library.plans.curves(id));
    expect(curves.epsilon).toHaveLength(2);
    for (const list of Object.values(curves)) {
      for (const { x, accuracy } of list) {
        expect(x).toEqual(x.toSorted((a, b) => a - b));
        expect(accuracy).toEqual(accuracy.toSorted((a, b) => b - a));
      }
    }
    const worst = (await library.plans.result(id)).worst[models[0] ?? '']?.at(-1);
    const classes = CALLS['plans.classes'].output.parse(await library.plans.classes(id, models[0] ?? '', null));
    const total = (table: number[][]): number => table.flat().reduce((sum, count) => sum + count, 0);
    expect([total(classes.before), total(classes.after)]).toEqual([30, 30]);
    const standing = classes.after.reduce((sum, row, label) => sum + (row[label] ?? 0), 0);
    expect(standing / 30).toBeCloseTo(worst?.accuracy ?? -1, 12);
    const { pairs } = CALLS['plans.compare'].output.parse(await library.plans.compare(id, null));
    expect(pairs).toHaveLength(1);
    expect(pairs[0]?.accuracyFirst).toBeCloseTo(worst?.accuracy ?? -1, 12);
    expect(pairs[0]?.holm).toBe(pairs[0]?.p);
    const clean = await library.plans.compare(id, 'clean');
    expect(clean.pairs[0]?.accuracyFirst).toBe((await library.plans.result(id)).clean[models[0] ?? '']?.accuracy);
  });

  it('draws the curves of an attack as the mean over its seeds, with the least and the greatest', async () => {
    const [model = ''] = models;
    const asked = plan({
      models: [model],
      attacks: [{ name: 'pgd', settings: { steps: 3, restarts: 2 } }],
      epsilons: [0.03],
      seeds: [0, 1, 2],
      mode: 'each',
    });
    const { id: made } = await library.plans.create(asked);
    await finished(made);
    const { restarts, iterations, epsilon } = await library.plans.curves(made);
    const byRestart = library.plans
      .get(made)
      .evaluations.map((step) => library.evaluations.get(step).result?.targets[0]?.byRestart ?? []);
    expect(byRestart).toHaveLength(3);
    const [curve] = restarts;
    expect(curve).toMatchObject({ seeds: 3, x: [1, 2] });
    for (const at of [0, 1]) {
      const own = byRestart.map((one) => one[at] ?? 0);
      expect(curve?.accuracy[at]).toBeCloseTo(own.reduce((sum, one) => sum + one, 0) / 3, 12);
      expect([curve?.lowest[at], curve?.highest[at]]).toEqual([Math.min(...own), Math.max(...own)]);
    }
    // The first start's iterations end where the first start does.
    expect(iterations[0]?.accuracy.at(-1)).toBeCloseTo(curve?.accuracy[0] ?? -1, 12);
    // The worst case is over all seeds: there is one of it.
    expect(epsilon[0]).toMatchObject({ label: 'worst case', seeds: 1 });
    expect(epsilon[0]?.accuracy.at(-1)).toBeLessThanOrEqual(curve?.lowest[1] ?? -1);
  });

  it('crosses sources with models in a matrix, each source on all the others at once', async () => {
    const [one = '', other = ''] = models;
    const asked = plan({ attacks: [{ name: 'fgsm', settings: {} }], epsilons: [0.2], sources: [[], [one], [other]] });
    const made = await library.plans.create(asked);
    await finished(made.id);
    const { matrices } = await library.plans.result(made.id);
    expect(matrices).toHaveLength(1);
    expect(matrices[0]?.rows.map(({ source, accuracy }) => [source, Object.keys(accuracy)])).toEqual([
      [[], [one, other]],
      [[one], [other]],
      [[other], [one]],
    ]);
  });

  it('takes no step of a transfer whose adversarial examples an earlier plan has made', async () => {
    const [one = '', other = ''] = models;
    const asked = plan({
      models: [one],
      attacks: [{ name: 'fgsm', settings: {} }],
      epsilons: [0.2],
      sources: [[other]],
    });
    const numbers = async (change: Partial<PlanRequestInput>) => {
      const { id: made } = await library.plans.create(plan({ ...asked, ...change }));
      await finished(made);
      const [step = ''] = library.plans.get(made).evaluations;
      const { result } = library.evaluations.get(step);
      return { work: result?.speed?.work, targets: result?.targets };
    };
    const again = await numbers({});
    const first = library.snapshot().evaluations.find(({ request }) => request.source === other);
    expect(first?.result?.speed?.work).toBeGreaterThan(0);
    expect(again).toEqual({ work: 0, targets: first?.result?.targets });
    expect((await numbers({ seeds: [7] })).work).toBeGreaterThan(0);
  });

  it('goes into the bin with its evaluations, and comes back with them', () => {
    const { evaluations } = library.plans.get(id);
    library.entities.delete(id);
    expect(() => library.plans.get(id)).toThrow(/no plan/);
    expect(() => library.evaluations.get(evaluations[0] ?? '')).toThrow();
    library.entities.restore(id);
    expect(library.plans.get(id).evaluations).toEqual(evaluations);
  });

  it('is refused with what is wrong: a name twice, nothing to run, a bad setting', async () => {
    const refusal = (change: Partial<PlanRequestInput>): Promise<string> =>
      library.plans.create(plan(change)).then(
        () => 'accepted',
        (error: Error) => error.message,
      );
    const [one = ''] = models;
    expect(await refusal({ models: [one, one] })).toMatch(/models: .* is named twice/);
    expect(await refusal({ models: [one], sources: [[one]] })).toMatch(/nothing to run/);
    expect(await refusal({ attacks: [{ name: 'pgd', settings: { steps: 0.5 } }] })).toMatch(/steps/);
  });
});
