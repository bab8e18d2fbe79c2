import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CALLS } from '../../../shared/contract/calls.ts';
import { evaluationRequest } from '../../../shared/domain/evaluation.ts';
import type { ResultCell } from '../../../shared/domain/library.ts';
import { planRequest } from '../../../shared/domain/plan.ts';
import { trainConfig } from '../../../shared/domain/training.ts';
import { openStore } from '../../store/store.ts';
import { normSetting } from '../evaluations.ts';
import { forkLauncher } from '../launch-fork.ts';
import type { Library } from '../library.ts';
import { openLibrary } from '../open-library.ts';
import { createSideJobs } from '../side-jobs.ts';
import { moduleService } from './service.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-modules-'));
/** The user's data folder, which keeps what is trusted. */
const home = mkdtempSync(join(tmpdir(), 'pairlight-modules-home-'));
const marker = join(root, 'loaded-by');
const launcher = forkLauncher(join(import.meta.dirname, '../../compute/job-host.ts'));
const folder = join(root, 'modules');

/** Random corners of the ball. It notes which process runs it. */
const corners = (tries: number): string => `
import { appendFileSync } from 'node:fs';
import type { Nothing } from './nowhere.ts';
interface Plan { readonly tries: number }
appendFileSync(${JSON.stringify(marker)}, process.pid + '\\n');

export default ({ z, settings, queries, stream, defineAttack, defineFamily }: any) => {
  function* search(options: any, row: number, restart: number): Generator<object, object, Float32Array> {
    const { examples, plan, seed } = options;
    const size = queries.imageSize(examples.shape);
    const x: Float32Array = examples.images.slice(row * size, (row + 1) * size);
    const random = stream(seed, 'corners', examples.indices[row], restart);
    let image = x;
    for (let iteration = 0; iteration < plan.tries; iteration += 1) {
      image = x.map((v) => Math.min(1, Math.max(0, v + (random.uniform() < 0.5 ? -1 : 1) * plan.epsilon)));
      const logits = yield { images: image, count: 1 };
      const hit = queries.isHit(options, row, queries.predictionOf(logits, 0, logits.length));
      if (hit) return { image, iteration, lastWrong: true, nonFinite: 0 };
    }
    return { image, iteration: -1, lastWrong: false, nonFinite: 0 };
  }
  const family = defineFamily({
    name: 'corners', unit: 'queries', minimal: false, targeted: false, access: () => 'scores',
    work: ({ tries }: Plan) => tries, stopsAtSuccess: () => true, isAtLeast: (a: Plan, b: Plan) => a.tries >= b.tries,
    create: (steps: unknown, subject: unknown, options: any) =>
      queries.method(steps, subject, options, options.plan.tries, (row: number, start: number) => search(options, row, start)),
  });
  return { attacks: [defineAttack({
    name: 'corners', label: 'Corners', summary: 'Random corners.', source: 'None.', help: 'Tries corners of the ball.',
    schema: z.strictObject({ epsilon: settings.epsilonLinf, tries: z.int().min(1).default(${tries}).meta({ label: 'Tries' }) }),
    plan: ({ epsilon, tries }: any) => ({ family, norm: 'linf', epsilon, restarts: 1, tries }),
    describe: ({ tries }: Plan) => \`Corners \${tries}\`,
    weakness: () => 'A random search.',
  })] };
};
`;

/** Cross-entropy and the mean square of the logits, a term of its own. */
const calm = `
import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
appendFileSync(${JSON.stringify(join(root, 'calm-in'))}, isMainThread ? 'process ' : 'thread ');
export default ({ z, tf, defineDefence, training, losses }) => ({ defences: [defineDefence({
  name: 'calm', label: 'Calm logits', summary: 'A test.', source: 'None.', adversarial: false,
  schema: z.strictObject({ weight: z.number().min(0).default(0.01).meta({ label: 'Weight' }) }),
  configure: ({ weight }) => ({
    halves: 'clean', inner: null, epsilon: 0.1, taps: training.noTaps, terms: ['clean', 'calm'],
    loss: ({ clean, labels, labelSmoothing }) => ({
      clean: tf.mean(losses.crossEntropy(clean.logits, labels, labelSmoothing)),
      calm: tf.mul(weight, tf.mean(tf.square(clean.logits))),
    }),
  }),
})] });
`;

let planned: string;
let library: Library;
let dataset: string;
let model: string;

const write = (file: string, text: string): string => {
  writeFileSync(join(folder, file), text);
  return createHash('sha256').update(text).digest('hex');
};

beforeAll(async () => {
  vi.stubEnv('PAIRLIGHT_DATA', home);
  library = await openLibrary(root, { launcher });
  dataset = library.datasets.list()[0]?.id ?? '';
  write('corners.ts', corners(8));
  write('calm.js', calm);
  write('broken.js', 'export default 3;\n');
}, 60_000);
afterAll(async () => {
  await library.dispose();
  vi.unstubAllEnvs();
  for (const path of [root, home]) rmSync(path, { recursive: true });
});

const request = (settings: Readonly<Record<string, number>> = {}) =>
  evaluationRequest.parse({
    dataset,
    targets: [model],
    attack: { name: 'corners', settings: { epsilon: 0.3, ...settings } },
    examples: { count: 40 },
    engine: 'wasm',
  });

async function evaluated(asked = request()) {
  const { id } = await library.evaluations.create(asked);
  expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
  return library.evaluations.get(id);
}

async function cells(): Promise<readonly ResultCell[]> {
  const table = CALLS['evaluations.table'].output.parse(await library.evaluations.table(dataset));
  return Object.values(table.cells).flatMap((row) => Object.values(row));
}

// Modules are looked at by processes of their own: slow where other work keeps the cores busy.
describe('modules of the user', { timeout: 120_000 }, () => {
  it('are not run before the user trusts the library: they are listed, and using one says how to trust them', async () => {
    const { modules, trusted } = CALLS['modules.list'].output.parse(await library.modules.list());
    expect(trusted).toBe(false);
    expect(modules.map(({ file, fault, contents }) => [file, fault, contents.attacks.length])).toEqual([
      ['broken.js', null, 0],
      ['calm.js', null, 0],
      ['corners.ts', null, 0],
    ]);
    expect((await library.catalogue()).attacks.some(({ module }) => module)).toBe(false);
    const refused = { code: 'forbidden', message: expect.stringMatching(/not trusted.*“pairlight modules --trust”/) };
    await expect(library.modules.pin({ name: 'corners', settings: {} })).rejects.toMatchObject(refused);
    const module = createHash('sha256').update(corners(8)).digest('hex');
    await expect(library.modules.pin({ name: 'corners', settings: {}, module })).rejects.toMatchObject(refused);
    const config = trainConfig.parse({ dataset, architecture: 'small-cnn', defence: 'calm' });
    await expect(library.runs.create(config)).rejects.toMatchObject(refused);
    const { defenceModule: _, ...others } = config;
    await expect(library.runs.create({ ...others, defenceModule: module })).rejects.toMatchObject(refused);
    expect(existsSync(marker) || existsSync(join(root, 'calm-in'))).toBe(false);
    expect(CALLS['modules.trust'].output.parse(await library.modules.setTrusted(true)).trusted).toBe(true);
  });

  it('are listed with what they add; a bad one is named with its fault, and hides no other', async () => {
    const { modules } = CALLS['modules.list'].output.parse(await library.modules.list());
    expect(modules.map(({ file }) => file)).toEqual(['broken.js', 'calm.js', 'corners.ts']);
    expect(modules[0]).toMatchObject({ contents: { attacks: [], defences: [] } });
    expect(modules[0]?.fault).toMatch(/broken\.js exports something else/);
    expect(modules[1]).toMatchObject({ fault: null, contents: { defences: [{ name: 'calm', adversarial: false }] } });
    expect(modules[2]?.contents.attacks[0]).toMatchObject({ name: 'corners', transfers: false, family: 'corners' });
    expect(modules[2]?.contents.attacks[0]?.fields.map(({ key }) => key)).toEqual(['epsilon', 'tries']);
  });

  it('stand in the catalogue beside the built-in ones, marked with their file', async () => {
    const catalogue = CALLS['catalogue.get'].output.parse(await library.catalogue());
    const own = catalogue.attacks.find(({ name }) => name === 'corners');
    expect(own).toMatchObject({ label: 'Corners · module', module: { file: 'corners.ts' } });
    expect(catalogue.attacks[0]).toMatchObject({ name: 'pgd' });
    expect(catalogue.attacks[0]?.module).toBeUndefined();
    expect(catalogue.defences.find(({ name }) => name === 'calm')?.module?.file).toBe('calm.js');
  });

  it('train models with a defence of theirs: its terms are logged, its version and settings are kept', async () => {
    const { id } = await library.runs.create(
      trainConfig.parse({
        dataset,
        architecture: 'small-cnn',
        defence: 'calm',
        engine: 'wasm',
        trainer: { epochs: 4, batchSize: 64, trainLimit: 2560, validationEvery: 4, validationSteps: 1 },
      }),
    );
    expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
    const { config, result } = library.runs.get(id);
    expect(config).toMatchObject({ defence: 'calm', defenceSettings: { weight: 0.01 } });
    expect(config.defenceModule).toBe(createHash('sha256').update(calm).digest('hex'));
    const steps = (await library.runs.points(id)).filter((point) => point.type === 'step');
    expect(Object.keys(steps[0]?.terms ?? {})).toEqual(['clean', 'calm', 'total']);
    expect(steps.at(-1)?.terms['clean']).toBeLessThan((steps[0]?.terms['clean'] ?? 0) / 2);
    expect(result?.cleanAccuracy).toBeGreaterThan(0.5);
    // Parts of a batch are computed by threads, which load the module too.
    const places = readFileSync(join(root, 'calm-in'), 'utf8').trim().split(' ');
    if (availableParallelism() > 1) expect(places).toContain('thread');
    model = id;
  });

  it('refuse wrong settings of a defence with its own words', async () => {
    const config = { dataset, architecture: 'small-cnn', defence: 'calm', defenceSettings: { weight: -1 } };
    await expect(library.runs.create(trainConfig.parse(config))).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining('defence calm: weight'),
    });
  });

  it('attack models: the number stands in the table with its version, and is the same when it is made again', async () => {
    const [first, again] = [await evaluated(), await evaluated()];
    const { attack } = first.request;
    expect(attack).toEqual({
      name: 'corners',
      settings: { epsilon: 0.3, tries: 8 },
      module: createHash('sha256').update(corners(8)).digest('hex'),
    });
    const [target] = first.result?.targets ?? [];
    expect(target?.robustAccuracy).toBeLessThan(target?.cleanAccuracy ?? 0);
    expect(target?.constraintViolations).toBe(0);
    expect(first.result?.notes.join()).toContain('Attack of the module corners.ts (');
    expect(again.result?.targets).toEqual(first.result?.targets);
    const shown = await library.evaluations.trajectory({ evaluation: first.id, model, row: 0 });
    expect(shown.points.length).toBeGreaterThan(0);
    const [cell] = await cells();
    expect(cell).toMatchObject({ label: 'Corners 8, ε 0.3', weak: 'A random search.', notes: [] });
    expect(cell?.robustAccuracy).toBe(target?.robustAccuracy);
  });

  it('run in job hosts alone, never in the process that has the library open', () => {
    const pids = new Set(readFileSync(marker, 'utf8').trim().split('\n').map(Number));
    expect(pids.size).toBeGreaterThan(2);
    expect(pids.has(process.pid)).toBe(false);
  });

  it('refuse wrong settings, goals and sources as built-in attacks do', async () => {
    const create = (change: object) => library.evaluations.create({ ...request(), ...change });
    await expect(create({ attack: { name: 'corners', settings: { epsilon: 2 } } })).rejects.toThrow(
      /attack corners: epsilon: must be at most 1/,
    );
    await expect(create({ goal: 'next' })).rejects.toThrow(/corners leads to any wrong class/);
    await expect(create({ attack: { name: 'nowhere', settings: {} } })).rejects.toThrow(
      /no attack “nowhere”.*corners.*Modules with a fault add nothing: The module broken\.js/,
    );
  });

  it('say which norm they have, where another one is asked for', async () => {
    const asked = { name: 'corners' };
    expect(await normSetting(library.modules, asked, 'linf')).toEqual({});
    await expect(normSetting(library.modules, asked, 'l2')).rejects.toThrow('Corners has the norm linf only, not l2.');
  });

  it('are steps of plans at every ε, with an estimate before', async () => {
    const plan = planRequest.parse({
      dataset,
      models: [model],
      attacks: [{ name: 'corners' }, { name: 'fgsm' }],
      epsilons: [0.1, 0.3],
      examples: { count: 20 },
      engine: 'wasm',
    });
    const { steps } = await library.plans.estimate(plan);
    expect(steps.map(({ label }) => label)).toEqual([
      'FGSM, ε 0.1',
      'Corners 8, ε 0.1',
      'FGSM, ε 0.3',
      'Corners 8, ε 0.3',
    ]);
    const { id } = await library.plans.create(plan);
    for (const step of library.plans.get(id).evaluations) {
      expect(await library.jobs.wait(step)).toMatchObject({ state: 'done', error: null });
    }
    planned = id;
    const { columns } = CALLS['plans.result'].output.parse(await library.plans.result(id));
    expect(columns.map(({ label }) => label)).toContain('Corners 8, ε 0.3');
  });

  it('that change are new versions: earlier numbers say so, and can be made again as they were', async () => {
    const earlier = (await cells()).find(({ label }) => label === 'Corners 8, ε 0.3');
    const now = write('corners.ts', corners(12));
    const changed = await evaluated();
    expect(changed.request.attack).toMatchObject({ module: now, settings: { tries: 12 } });
    const all = await cells();
    expect(all.find(({ attack }) => attack.module === now)?.notes).toEqual([]);
    const old = all.find(({ evaluation }) => evaluation === earlier?.evaluation);
    expect(old?.robustAccuracy).toBe(earlier?.robustAccuracy);
    expect(old?.notes.join()).toContain(`has changed since (it is ${now.slice(0, 8)} now)`);
    const { columns: steps } = await library.plans.result(planned);
    expect(steps.map(({ label }) => label).join()).toMatch(/Corners 8, ε 0\.3, earlier module [0-9a-f]{8}/);
    const { request: pinned, result } = library.evaluations.get(earlier?.evaluation ?? '');
    const remade = await evaluated(evaluationRequest.parse(pinned));
    expect(remade.result?.targets).toEqual(result?.targets);
    // Where versions differ in nothing else that is said of them, the headings name them.
    const next = write('corners.ts', `// The same in a new file.\n${corners(12)}`);
    await evaluated();
    const { columns } = await library.evaluations.table(dataset);
    const labels = columns.map(({ label }) => label).filter((label) => label.startsWith('Corners 12'));
    const versions = labels.map((label) => /, module (.{8})$/.exec(label)?.[1]);
    expect(versions.toSorted()).toEqual([now.slice(0, 8), next.slice(0, 8)].toSorted());
  });

  it('that are gone leave their numbers readable, and these can still be made again', async () => {
    rmSync(join(folder, 'corners.ts'));
    const all = await cells();
    expect(all.length).toBeGreaterThan(2);
    expect(all.some(({ notes }) => notes.join().includes('corners.ts as it was'))).toBe(true);
    const old = all.findLast(({ label }) => label === 'Corners 12, ε 0.3');
    const { request: pinned, result } = library.evaluations.get(old?.evaluation ?? '');
    expect((await evaluated(evaluationRequest.parse(pinned))).result?.targets).toEqual(result?.targets);
    await expect(library.evaluations.create(request())).rejects.toThrow(/no attack “corners”/);
  });

  it('whose kept copy was edited or deleted are never run in its place', async () => {
    const pinned = (await cells()).find(({ attack }) => attack.module)?.evaluation ?? '';
    const asked = evaluationRequest.parse(library.evaluations.get(pinned).request);
    const copy = join(folder, '.kept', `${asked.attack.module}.mts`);
    expect(existsSync(copy)).toBe(true);
    for (const [spoil, message] of [
      [() => writeFileSync(copy, corners(1)), /kept copy of the module corners\.ts \(.{8}\) was changed/],
      [() => rmSync(copy), /kept copy of the module corners\.ts \(.{8}\) is missing.*Put the file back/],
    ] as const) {
      spoil();
      const { id } = await library.evaluations.create(asked);
      const { state, error } = await library.jobs.wait(id);
      expect(state).toBe('failed');
      expect(error?.message).toMatch(message);
    }
  });

  it('that share a name do not mix: the first file has it', async () => {
    write('a-calm.js', `${calm}\n`);
    const { modules } = await library.modules.list();
    expect(modules.find(({ file }) => file === 'a-calm.js')?.fault).toBeNull();
    expect(modules.find(({ file }) => file === 'calm.js')).toMatchObject({
      fault: expect.stringMatching(/has the defence “calm”, which a-calm\.js has already/),
      contents: { defences: [] },
    });
    rmSync(join(folder, 'a-calm.js'));
  });

  it('that never return, crash, are links or too large have a fault each', async () => {
    const store = openStore(join(root, 'faulty'));
    const sideJobs = createSideJobs(store, launcher);
    const put = (file: string, text: string): void => writeFileSync(join(store.folder.modules, file), text);
    put('crash.js', 'export default () => process.exit(7);\n');
    put('large.js', `// ${'x'.repeat(2 ** 20)}\n`);
    put('loop.js', 'export default () => { for (;;); };\n');
    put('waits.js', 'export default () => new Promise(() => undefined);\n');
    put('.hidden.js', 'throw 1;\n');
    put('types.d.ts', 'throw 1;\n');
    symlinkSync(join(folder, 'calm.js'), join(store.folder.modules, 'link.js'));
    const { modules } = await moduleService(store, sideJobs, 1_500).setTrusted(true);
    expect(modules.map(({ file, fault }) => `${file}: ${fault}`)).toEqual([
      expect.stringMatching(/^crash\.js: .*ended with status 7/),
      expect.stringMatching(/^large\.js: .*1048576 at most/),
      expect.stringMatching(/^link\.js: .*is a link/),
      expect.stringMatching(/^loop\.js: .*did not say within 1\.5 s what it adds/),
      expect.stringMatching(/^waits\.js: .*did not say within 1\.5 s/),
    ]);
    sideJobs.dispose();
    store.close();
  });

  it('are taken from no folder that is a link', async () => {
    const real = join(root, 'elsewhere');
    renameSync(folder, real);
    symlinkSync(real, folder);
    try {
      const { modules } = await library.modules.list();
      expect(modules).toMatchObject([{ file: 'modules', hash: null, fault: expect.stringMatching(/is a link/) }]);
      const module = (await cells()).find(({ attack }) => attack.module)?.attack.module;
      const attack = { name: 'corners', settings: { epsilon: 0.25, tries: 5 }, ...(module && { module }) };
      await expect(library.modules.pin(attack)).rejects.toMatchObject({
        code: 'bad-data',
        message: expect.stringMatching(/is a link/),
      });
    } finally {
      rmSync(folder);
      renameSync(real, folder);
    }
  });

  it('are told of passing faults only as long as these last', async () => {
    const store = openStore(join(root, 'full'));
    const sideJobs = createSideJobs(store, launcher);
    const service = moduleService(store, sideJobs);
    writeFileSync(join(store.folder.modules, 'calm.js'), calm);
    // Nothing can be written into the scratch folder while a file stands in its place.
    const scratch = join(store.folder.root, 'scratch');
    rmSync(scratch, { recursive: true });
    writeFileSync(scratch, '');
    expect((await service.setTrusted(true)).modules[0]?.fault).toMatch(/ENOTDIR|EEXIST/);
    expect((await service.known()).complete).toBe(true);
    rmSync(scratch);
    mkdirSync(scratch);
    expect((await service.list()).modules[0]).toMatchObject({
      fault: null,
      contents: { defences: [{ name: 'calm' }] },
    });
    sideJobs.dispose();
    store.close();
  });

  it('are told anew when a file of the folder changes', async () => {
    const told = new Promise<readonly string[]>((resolve) => {
      const stop = library.events.on('modules.changed', ({ modules }) => {
        stop();
        resolve(modules.map(({ file }) => file));
      });
    });
    write('new.js', calm.replace("'calm', label", "'calmer', label"));
    expect(await told).toContain('new.js');
  });

  it('of a library that came from elsewhere are not run by a job that waits in it, until it is trusted', async () => {
    const asked = evaluationRequest.parse(
      (await cells())
        .filter(({ attack }) => attack.module)
        .map(({ evaluation }) => library.evaluations.get(evaluation).request)
        .find(({ attack }) => existsSync(join(folder, '.kept', `${attack.module}.mts`))),
    );
    await library.dispose();
    const sender = await openLibrary(root, { launcher, serves: 'none' });
    const { id } = await sender.evaluations.create(asked);
    await sender.dispose();
    const received = mkdtempSync(join(tmpdir(), 'pairlight-modules-received-'));
    cpSync(root, received, { recursive: true });
    rmSync(marker);
    library = await openLibrary(received, { launcher });
    try {
      expect(await library.jobs.wait(id)).toMatchObject({ state: 'failed', error: { code: 'forbidden' } });
      expect((await library.modules.list()).trusted).toBe(false);
      expect((await cells()).length).toBeGreaterThan(2);
      expect(existsSync(marker)).toBe(false);
      await library.modules.setTrusted(true);
      library.jobs.resume(id);
      expect(await library.jobs.wait(id)).toMatchObject({ state: 'done', error: null });
      await library.modules.setTrusted(false);
      await expect(library.evaluations.create(asked)).rejects.toMatchObject({ code: 'forbidden' });
    } finally {
      await library.dispose();
      library = await openLibrary(root, { launcher, serves: 'none' });
      rmSync(received, { recursive: true });
    }
    expect((await library.modules.list()).trusted).toBe(true);
  });
});
