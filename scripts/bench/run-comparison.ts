import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { ATTACKS } from '../../electron/compute/attacks/registry.ts';
import { fixtureFile } from '../../electron/compute/fixtures/peers.ts';
import { ARCHITECTURES } from '../../electron/compute/models/architectures.ts';
import { ENGINE_NAMES } from '../../shared/domain/engine.ts';
import { alternate, medianSample, pairsOf, type Contestant, type SideSamples } from './alternate.ts';
import { mnistChunks, prepareMaterial } from './material.ts';
import { DISTURBANCE } from './machine.ts';
import type { SideTask } from './protocol.ts';
import type { BenchOptions } from './options.ts';
import type { ComparisonResult, SideResult, Verdict } from './results.ts';
import { SideProcess } from './side-process.ts';
import { ratioOf } from './statistics.ts';
import { NETWORKS, WARM_UP, type RobustWork, type SteadyWork, type Work } from './works.ts';

/** Why a work cannot be measured with this product, machine and options; null if it can. */
export function obstacle(work: Work, { enginePack }: BenchOptions): string | null {
  if (enginePack === null && !('sides' in work && work.sides[0] === 'wasm'))
    return 'The tensorflow engine pack is not installed.';
  const architecture = architectureOf(work);
  if (architecture !== null && !ARCHITECTURES.some(({ name }) => name === architecture)) {
    return `There is no architecture ${architecture}.`;
  }
  if (work.kind !== 'robust') return null;
  const { attack } = work.attack;
  if (!ATTACKS.some(({ name }) => name === attack)) return `There is no attack ${attack}.`;
  if (fixtureFile('adv') !== null) return null;
  return 'fixture-adv.npz is not on this machine: set PAIRLIGHT_FIXTURES to its folder.';
}

function architectureOf(work: Work): string | null {
  if (work.kind === 'profile') return NETWORKS[work.of].network.architecture;
  return 'network' in work ? work.network.architecture : null;
}

/** Measures all sides of a work that there are, in one alternation. */
export async function runComparison(work: SteadyWork | RobustWork, options: BenchOptions): Promise<ComparisonResult> {
  const task = await taskOf(work, options);
  const notes: string[] = [];
  const wanted = work.sides.filter((side) => isEngine(side) || options.python !== null);
  const starting = await Promise.allSettled(wanted.map((name) => startSide(name, work, task, options)));
  const started = starting.flatMap((side) => (side.status === 'fulfilled' ? [side.value] : []));
  try {
    for (const [index, side] of starting.entries()) {
      if (side.status === 'fulfilled') continue;
      const why = side.reason instanceof Error ? side.reason.message : String(side.reason);
      if (index === 0) throw new Error(why);
      notes.push(`${wanted[index] ?? ''} was left out: ${why}`);
    }
    const pace = { ...work.pace[options.extent], quietSeconds: options.quietSeconds };
    const samples = await alternate(
      started.map(({ contestant }) => contestant),
      options.rounds === null ? pace : { ...pace, rounds: options.rounds },
    );
    if (samples[0]?.failure != null) throw new Error(samples[0].failure);
    const versions = new Map(started.map(({ process, contestant }) => [contestant.name, process.version]));
    for (const { name, failure } of samples) if (failure !== null) notes.push(`${name} failed: ${failure}`);
    const measured = samples.filter((side) => side.samples.length > 0);
    return resultOf(work, options, measured, versions, notes);
  } finally {
    await Promise.all(started.map(({ process }) => process.end()));
  }
}

/** Starts one side's process; all of them start at the same time. */
async function startSide(
  name: string,
  work: SteadyWork | RobustWork,
  task: SideTask,
  options: BenchOptions,
): Promise<{ readonly process: SideProcess; readonly contestant: Contestant }> {
  const folder = await mkdtemp(join(options.scratch, `${name}-`));
  const engine = isEngine(name);
  const steady = work.kind !== 'robust';
  const batch = steady || engine ? task.batch : work.peerBatch;
  const process = await SideProcess.start({ ...task, side: name, folder, batch }, engine ? null : options.python);
  const contestant: Contestant = {
    name,
    warmUp: steady ? WARM_UP[engine ? 'engine' : 'peer'] : 0,
    rounds: steady ? null : (work.sitsOut[name] ?? null),
    measure: (times) => process.measure(times),
  };
  return { process, contestant };
}

const isEngine = (side: string): boolean => ENGINE_NAMES.some((name) => name === side);

/** The task of all sides, its material made and written. */
async function taskOf(work: SteadyWork | RobustWork, options: BenchOptions): Promise<SideTask> {
  const { network, batch } = work;
  const { threads, enginePack, scratch, extent } = options;
  const common = { side: '', threads, network, batch, folder: scratch, enginePack };
  if (work.kind === 'robust') {
    const { steps, images } = work.extent[extent];
    const chunks = await mnistChunks(join(scratch, work.name), options.mnist, images, work.parts[extent]);
    return { kind: 'robust', ...common, ...work.attack, steps, chunks, weights: fixtureFile('adv') ?? '' };
  }
  const folder = join(scratch, work.name);
  await mkdir(folder, { recursive: true });
  const material = await prepareMaterial(
    folder,
    network,
    batch,
    work.kind === 'train' ? 'train' : 'attack',
    enginePack,
  );
  if (work.kind === 'train') return { kind: 'train', ...common, ...work.pgd, dataset: material.dataset };
  return { kind: work.kind, ...common, ...work.pgd, ...material };
}

function resultOf(
  work: SteadyWork | RobustWork,
  { extent }: BenchOptions,
  samples: readonly SideSamples[],
  versions: ReadonlyMap<string, string>,
  notes: string[],
): ComparisonResult {
  const [ours, ...others] = samples;
  if (!ours) throw new Error(`${work.name}: no side could be measured.`);
  const images = work.kind === 'robust' ? work.extent[extent].images / work.parts[extent] : work.batch;
  const sides = samples.map((side, index): SideResult => {
    const { secondsEach, cpuSecondsEach } = medianSample(side);
    const pairs = pairsOf(ours, side);
    const robust = side.samples.flatMap((sample) => (sample.robust === null ? [] : [sample.robust]));
    return {
      name: side.name,
      version: versions.get(side.name) ?? '',
      examplesPerSecond: images / secondsEach,
      secondsEach,
      cpuSecondsEach,
      peakBytes: side.peakBytes,
      robust: robust.length > 0 ? { count: sumOf(robust), of: images * robust.length } : null,
      disturbed: side.samples.filter(({ others: share }) => share > DISTURBANCE).length,
      ratio: index === 0 ? null : ratioOf(pairs),
      cpuRatio: index === 0 ? null : ratioOf(cpuPairs(ours, side)),
      samples: [...side.samples],
    };
  });
  const verdicts = work.targets.flatMap(({ text, against, atLeast }): Verdict[] => {
    const faced = sides.filter(({ name }) => against.includes(name) && others.some((other) => other.name === name));
    const worst = faced.toSorted((a, b) => (a.ratio?.median ?? 0) - (b.ratio?.median ?? 0))[0];
    if (!worst?.ratio) return [];
    return [
      {
        what: `${ours.name} ÷ ${text}${text === worst.name || against.length === 1 ? '' : ` (${worst.name})`}`,
        value: worst.ratio.median,
        unit: '×',
        target: `≥ ${atLeast}`,
        met: worst.ratio.median >= atLeast,
        byCpu: Math.min(...faced.map(({ cpuRatio }) => cpuRatio?.median ?? Number.NaN)),
        disturbed: worst.ratio.disturbed,
      },
    ];
  });
  return { kind: 'comparison', name: work.name, title: work.title, images, sides, verdicts, notes };
}

const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

function cpuPairs(ours: SideSamples, theirs: SideSamples): Parameters<typeof ratioOf>[0] {
  return ours.samples.flatMap((sample, round) => {
    const other = theirs.samples[round];
    return other ? [{ ours: sample.cpuSecondsEach, theirs: other.cpuSecondsEach, disturbed: false }] : [];
  });
}
