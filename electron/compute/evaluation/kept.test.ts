import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EvaluationRequestInput, EvaluationResult } from '../../../shared/domain/evaluation.ts';
import { exampleRecord } from '../../../shared/domain/evaluation.ts';
import type { EvaluatedModel } from './check-models.ts';
import { evaluatedModel, openEvaluationBench } from './evaluation-bench.ts';
import type { EvaluationBench } from './evaluation-bench.ts';
import { EVALUATION_FILES } from './files.ts';
import { KEPT_FOLDER, sourceHash } from './kept.ts';

let bench: EvaluationBench;
beforeAll(async () => {
  bench = await openEvaluationBench();
});
afterAll(() => bench.dispose());

const STEPS = 6;
const RESTARTS = 3;
const request: Partial<EvaluationRequestInput> = {
  attack: { name: 'pgd', settings: { epsilon: 0.25, steps: STEPS, restarts: RESTARTS } },
  examples: { count: 30 },
  batchSize: 8,
};

interface Made {
  readonly folder: string;
  readonly result: EvaluationResult;
}

/** A transfer from the untrained model. */
async function transfer(
  targets: readonly EvaluatedModel[],
  kept: readonly string[] = [],
  change: Partial<EvaluationRequestInput> = {},
  source = bench.lenet,
): Promise<Made> {
  const folder = await bench.folder();
  const result = await bench.run({ ...request, ...change }, { folder, targets, source, kept });
  return { folder, result };
}

const workOf = ({ result }: Made): number => result.speed?.work ?? -1;

async function expectSameFiles(one: Made, other: Made, model: EvaluatedModel): Promise<void> {
  for (const name of Object.values(EVALUATION_FILES)) {
    const [a, b] = await Promise.all([one, other].map(({ folder }) => readFile(join(folder, model.model.id, name))));
    expect(a!.equals(b!), name).toBe(true);
  }
}

/** Steps that an evaluation with a new target has to make: of images that no earlier target needed in that restart. */
async function lackingSteps(earlier: Made, made: Made, old: EvaluatedModel, added: EvaluatedModel): Promise<number> {
  const records = async ({ folder }: Made, { model }: EvaluatedModel) =>
    exampleRecord
      .array()
      .parse(JSON.parse(await readFile(join(folder, model.id, EVALUATION_FILES.examples), 'utf8')))
      .map(({ attacked, restart }) => (attacked ? (restart ?? RESTARTS - 1) + 1 : 0));
  const [before, now] = [await records(earlier, old), await records(made, added)];
  return STEPS * now.reduce((sum, starts, row) => sum + Math.max(0, starts - before[row]!), 0);
}

describe('adversarial examples of a transfer', () => {
  it('are kept: a target that is added takes no step where they are there, and has the numbers of one by itself', async () => {
    const first = await transfer([bench.adv]);
    expect(workOf(first)).toBeGreaterThan(0);
    const alone = await transfer([bench.nat]);
    const again = await transfer([bench.nat], [first.folder]);
    expect(workOf(again)).toBe(await lackingSteps(first, again, bench.adv, bench.nat));
    expect(workOf(again)).toBeLessThan(workOf(alone) / 3);
    expect(again.result.targets).toEqual(alone.result.targets);
    expect(again.result.notes.join()).toMatch(/were used again/);
    expect(alone.result.notes.join()).not.toMatch(/were used again/);
    await expectSameFiles(alone, again, bench.nat);
    // What it had to make is kept too: with both nothing is left to do.
    const third = await transfer([bench.nat], [first.folder, again.folder]);
    expect(workOf(third)).toBe(0);
    await expectSameFiles(alone, third, bench.nat);
  });

  it('made of other images are used as far as they go', async () => {
    const first = await transfer([bench.adv], [], { examples: { count: 10 } });
    const more = await transfer([bench.adv], [first.folder]);
    const whole = await transfer([bench.adv]);
    expect(workOf(more)).toBe(workOf(whole) - workOf(first));
    await expectSameFiles(whole, more, bench.adv);
  });

  it.each<[string, Partial<EvaluationRequestInput>]>([
    ['seed', { seed: 1 }],
    [
      'setting',
      { attack: { name: 'pgd', settings: { epsilon: 0.25, steps: STEPS, restarts: RESTARTS, stepSize: 0.05 } } },
    ],
    ['goal', { goal: 'next' }],
  ])('of another %s are made anew', async (_, change) => {
    const first = await transfer([bench.adv], [], { examples: { count: 8 } });
    const other = await transfer([bench.adv], [first.folder], { ...change, examples: { count: 8 } });
    expect(workOf(other)).toBeGreaterThan(0);
    expect(other.result.notes.join()).not.toMatch(/used again/);
  });

  it('of another source are made anew, even if it goes by the same name', async () => {
    const first = await transfer([bench.adv], [], { examples: { count: 8 } });
    const impostor = evaluatedModel(bench.lenet.model.id, 'untrained', bench.nat);
    const other = await transfer([bench.adv], [first.folder], { examples: { count: 8 } }, impostor);
    expect(workOf(other)).toBeGreaterThan(0);
  });

  it('of networks with the same weights and other settings are told apart', async () => {
    const { id } = bench.lenet.model;
    const network = { ...bench.lenet.network, settings: { width: 2 } };
    const hashes = await Promise.all([bench.lenet, { ...bench.lenet, network }].map((one) => sourceHash(one, id)));
    expect(new Set(hashes).size).toBe(2);
  });

  it('that are damaged or gone are made anew', async () => {
    const first = await transfer([bench.adv], [], { examples: { count: 8 } });
    const made = join(first.folder, KEPT_FOLDER);
    const [gone = '', ...others] = (await readdir(made)).filter((name) => name.endsWith('.npy'));
    await rm(join(made, gone));
    for (const name of others) await writeFile(join(made, name), 'no array');
    const other = await transfer([bench.adv], [first.folder], { examples: { count: 8 } });
    expect(workOf(other)).toBe(workOf(first));
    expect(other.result.targets).toEqual(first.result.targets);
    await writeFile(join(made, 'made.json'), '{');
    expect(workOf(await transfer([bench.adv], [first.folder], { examples: { count: 8 } }))).toBe(workOf(first));
  });

  it('of white-box attacks are not kept twice', async () => {
    const folder = await bench.folder();
    await bench.run({ ...request, examples: { count: 8 } }, { folder });
    expect(await readdir(folder)).toEqual([bench.adv.model.id]);
  });
});
