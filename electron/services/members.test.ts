import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkRequest } from '../../shared/domain/check.ts';
import { evaluationRequest } from '../../shared/domain/evaluation.ts';
import { planRequest } from '../../shared/domain/plan.ts';
import { trainConfig, type TrainConfigInput } from '../../shared/domain/training.ts';
import { forkLauncher } from './launch-fork.ts';
import type { Library } from './library.ts';
import { membersOf } from './members.ts';
import { openLibrary } from './open-library.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-members-'));
const launcher = forkLauncher(join(import.meta.dirname, '../compute/job-host.ts'));
let library: Library;
let dataset: string;
let member: string;

const config = (change: Partial<TrainConfigInput>) =>
  trainConfig.parse({
    dataset,
    architecture: 'lenet',
    defence: 'natural',
    engine: 'wasm',
    trainer: { epochs: 1, batchSize: 32, trainLimit: 64, validationSteps: 1 },
    ...change,
  });

beforeAll(async () => {
  library = await openLibrary(root, { launcher });
  dataset = library.datasets.list()[0]?.id ?? '';
  ({ id: member } = await library.runs.create(config({ name: 'Static LeNet' })));
  expect(await library.jobs.wait(member)).toMatchObject({ state: 'done' });
}, 240_000);
afterAll(async () => {
  await library.dispose();
  rmSync(root, { recursive: true });
});

const ensemble = (members: readonly string[]) =>
  config({
    architecture: 'small-cnn',
    defence: 'ensemble-at',
    defenceSettings: { members: [...members], attackSteps: 1, epsilon: 0.1 },
  });

describe('ensemble training', { timeout: 240_000 }, () => {
  it('takes its static models by name or id, keeps their ids, and trains against them', async () => {
    const { id } = await library.runs.create(ensemble(['Static LeNet', member]));
    expect(library.runs.get(id).config.defenceSettings['members']).toEqual([member]);
    expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
    expect(library.models.get(id).trainedAgainst).toEqual([member]);
    expect(library.models.get(member)).not.toHaveProperty('trainedAgainst');
    const points = await library.runs.points(id);
    expect(points.filter((point) => point.type === 'step')).toHaveLength(2);
    expect(readFileSync(join(library.runs.folder(id), 'config.yaml'), 'utf8')).toContain(member);
  });

  it('is known of a model that starts from one so trained, with the static models of its own', async () => {
    const first = library.models.list().find(({ trainedAgainst }) => trainedAgainst?.includes(member));
    const second = await library.runs.create(
      config({ architecture: 'small-cnn', initial: { from: 'model', model: first!.id } }),
    );
    expect(await library.jobs.wait(second.id)).toMatchObject({ state: 'done', error: null });
    expect(library.models.get(second.id)).toMatchObject({ defence: 'natural', trainedAgainst: [member] });
    expect((await library.runs.model(second.id, 'best')).trainedAgainst).toEqual([member]);
    const third = { ...ensemble([second.id]), initial: { from: 'model', model: second.id } as const };
    const { id } = await library.runs.create(third);
    expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
    expect(library.models.get(id).trainedAgainst).toEqual([member, second.id]);
  });

  it('is what “members” is of: the setting of another defence, such as one of a module, means its own', () => {
    const defenceSettings = { members: [member] };
    expect(membersOf({ defence: 'ensemble-at', defenceSettings })).toEqual([member]);
    expect(membersOf({ defence: 'own', defenceModule: 'a'.repeat(64), defenceSettings })).toEqual([]);
  });

  it('an attack or a check from a static model is no usual one', async () => {
    const hardened = library.models.list().find(({ defence }) => defence === 'ensemble-at')?.id ?? '';
    const { id: other } = await library.runs.create(config({ name: 'Other LeNet', seed: 5 }));
    await library.jobs.wait(other);
    const examples = { count: 8 };
    const attack = { name: 'fgsm', settings: { epsilon: 0.1 } };
    for (const source of [member, other]) {
      const asked = { dataset, targets: [hardened], source, attack, examples, engine: 'wasm' };
      const { id } = await library.evaluations.create(evaluationRequest.parse(asked));
      await library.jobs.wait(id);
      const table = await library.evaluations.table(dataset);
      const cell = Object.values(table.cells[hardened] ?? {}).find(({ evaluation }) => evaluation === id);
      const notes = [library.evaluations.get(id).result?.notes.join(), cell?.notes.join()];
      const told = /was trained against this source, Static LeNet/;
      expect(notes.map((text) => told.test(text ?? ''))).toEqual(source === member ? [true, true] : [false, false]);
    }
    const plan = { name: 'both', dataset, models: [hardened], attacks: [attack], sources: [[member], [other]] };
    const asked = planRequest.parse({ ...plan, epsilons: [0.1], examples, engine: 'wasm' });
    const { id: made } = await library.plans.create(asked);
    for (const evaluation of library.plans.get(made).evaluations) {
      expect(await library.jobs.wait(evaluation)).toMatchObject({ state: 'done', error: null });
    }
    const { cells, columns } = await library.plans.result(made);
    const notesOf = (source: string) =>
      cells[hardened]?.[columns.find(({ source: [from] }) => from === source)?.key ?? '']?.notes.join();
    expect([notesOf(member), notesOf(other)]).toEqual([expect.stringMatching(/trained against.*Static LeNet/), '']);
    const check = { dataset, model: hardened, depth: 'quick', examples, engine: 'wasm' };
    const { id } = await library.checks.create(checkRequest.parse(check));
    expect(library.checks.get(id).request.sources).toEqual([other]);
    library.jobs.cancel(id);
    await expect(library.checks.create(checkRequest.parse({ ...check, sources: [member] }))).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringMatching(/was trained against Static LeNet/) as string,
    });
  });

  it.each([
    ['a name that no model has', ['Static VGG'], 'not-found', /no finished model “Static VGG”.*Static LeNet/],
    ['none at all', [], 'invalid-input', /members: name at least one/],
  ])('refuses %s', async (_, members, code, message) => {
    await expect(library.runs.create(ensemble(members))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('Free AT', () => {
  it('with fewer epochs than replays is refused before it starts', async () => {
    const asked = config({ defence: 'free-at', defenceSettings: { replays: 4 } });
    await expect(library.runs.create(asked)).rejects.toMatchObject({
      code: 'invalid-input',
      details: { field: 'epochs' },
    });
  });
});
