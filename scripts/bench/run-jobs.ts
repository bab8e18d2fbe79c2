import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobSpec } from '../../shared/domain/job.ts';
import { evaluateJob, trainJob } from './job-specs.ts';
import { waitForQuiet } from './machine.ts';
import { prepareMaterial } from './material.ts';
import type { BenchOptions } from './options.ts';
import { short } from './print.ts';
import type { FigureResult, Verdict } from './results.ts';
import type { SideTaskOf } from './protocol.ts';
import { SideProcess } from './side-process.ts';
import { median } from './statistics.ts';
import { watchJob } from './watched-job.ts';
import { ATTACK_SIDES, NETWORKS, PYTORCH, WITHSTOOD, type JobWork, type NetworkKey } from './works.ts';

const MIB = 2 ** 20;
const FIRST_STEP_SECONDS = 3;
const GROWTH = 0.05;
const NO_MEMORY = 'This system does not tell the memory of another process.';

export function runJobWork(work: JobWork, options: BenchOptions): Promise<FigureResult> {
  switch (work.kind) {
    case 'first-step':
      return firstStep(work, options);
    case 'memory':
      return memory(work, options);
    case 'growth':
      return growth(work, options);
  }
}

/** The time from a job's launch to its first step, for trainings and evaluations, each several times. */
async function firstStep({ name, title }: JobWork, options: BenchOptions): Promise<FigureResult> {
  const rows: string[][] = [];
  const verdicts: Verdict[] = [];
  const full = options.extent === 'full';
  for (const key of full ? (['mnist', 'resnet20'] as const) : (['mnist'] as const)) {
    for (const use of ['train', 'attack'] as const) {
      const spec = await specOf(key, use, options);
      // The first run warms the disk's cache.
      const seconds: number[] = [];
      for (let run = 0; run < (full ? 4 : 3); run += 1) {
        await waitForQuiet(options.quietSeconds);
        seconds.push((await watchJob(await spec(), { until: 'first-step', mark: 0 })).firstStep);
      }
      const value = median(seconds.slice(1));
      const what = `${use === 'train' ? 'adversarial training' : 'evaluation'}, ${NETWORKS[key].network.architecture}, tensorflow`;
      rows.push([what, ...seconds.map((each) => each.toFixed(2))]);
      verdicts.push(atMost({ what, value, unit: 's', limit: FIRST_STEP_SECONDS, target: `≤ ${FIRST_STEP_SECONDS} s` }));
    }
  }
  const head = ['job', 'first run, s', ...Array.from({ length: (rows[0]?.length ?? 2) - 2 }, () => 'again, s')];
  return { kind: 'figures', name, title, head, rows, verdicts, notes: [] };
}

function atMost({
  limit,
  ...verdict
}: Pick<Verdict, 'what' | 'value' | 'unit' | 'target'> & { readonly limit: number }): Verdict {
  return { ...verdict, met: verdict.value <= limit, byCpu: null, disturbed: false };
}

/** Peak memory of an evaluation's process, against processes of the peers that make the same attack. */
async function memory({ name, title }: JobWork, options: BenchOptions): Promise<FigureResult> {
  const rows: string[][] = [];
  const notes: string[] = [];
  const verdicts: Verdict[] = [];
  const keys = options.extent === 'full' ? (['mnist', 'resnet20'] as const) : (['mnist'] as const);
  for (const key of keys) {
    const { network, batch } = NETWORKS[key];
    const images = 4 * batch;
    const task = await attackTask(key, images, options);
    const attack = { name: 'pgd', settings: { ...WITHSTOOD, steps: 10, restarts: 1 } };
    const folder = await mkdtemp(join(options.scratch, 'memory-'));
    const ours = await watchJob(evaluateJob(task, attack, task.dataset, folder), { until: 'end', mark: 0 });
    if (ours.peakBytes === null) break;
    const what = `PGD-10 on ${images} images, ${network.architecture}, batch ${batch}`;
    rows.push([what, 'tensorflow', String(Math.round(ours.peakBytes / MIB))]);
    const peers: number[] = [];
    for (const side of options.python === null ? [] : options.extent === 'full' ? ATTACK_SIDES : PYTORCH) {
      try {
        const peakBytes = await peakOfPeer({ ...task, side }, options.python, images / batch);
        peers.push(peakBytes);
        rows.push([what, side, String(Math.round(peakBytes / MIB))]);
      } catch (error) {
        notes.push(`${side} was left out: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    if (peers.length === 0) continue;
    const value = ours.peakBytes / Math.min(...peers);
    verdicts.push(atMost({ what: `${what}, tensorflow ÷ the best peer`, value, unit: '×', limit: 1, target: '≤ 1.0' }));
  }
  if (rows.length === 0) notes.push(NO_MEMORY);
  return { kind: 'figures', name, title, head: ['evaluation', 'side', 'peak MiB'], rows, verdicts, notes };
}

/** Peak memory of a fresh process of a peer that attacks so many batches. */
async function peakOfPeer(task: SideTaskOf<'attack'>, python: string | null, batches: number): Promise<number> {
  const process = await SideProcess.start(task, python);
  try {
    return (await process.measure(batches)).peakBytes;
  } finally {
    await process.end();
  }
}

/** Peak memory of a long evaluation at its end over that after its first batch. */
async function growth({ name, title }: JobWork, options: BenchOptions): Promise<FigureResult> {
  const head = ['evaluation', 'after the first batch, MiB', 'at the end, MiB'];
  const images = options.extent === 'full' ? 10_000 : 2_500;
  const task = await attackTask('mnist', images, options);
  const batch = 500;
  const steps = 2;
  const attack = { name: 'pgd', settings: { ...WITHSTOOD, steps, restarts: 1 } };
  const folder = await mkdtemp(join(options.scratch, 'growth-'));
  const seen = await watchJob(evaluateJob({ ...task, batch }, attack, task.dataset, folder), {
    until: 'end',
    mark: batch * steps,
  });
  const { peakAtMark, peakBytes } = seen;
  if (peakAtMark === null || peakBytes === null)
    return { kind: 'figures', name, title, head, rows: [], verdicts: [], notes: [NO_MEMORY] };
  const value = peakBytes / peakAtMark - 1;
  const what = `PGD-${steps} on ${images} images, mnist-cnn, batch ${batch}`;
  return {
    kind: 'figures',
    name,
    title,
    head,
    rows: [[what, short(peakAtMark / MIB), short(peakBytes / MIB)]],
    verdicts: [atMost({ what, value: 100 * value, unit: '%', limit: 100 * GROWTH, target: `≤ ${100 * GROWTH} %` })],
    notes: [],
  };
}

/** An attack on `images` random images by the tensorflow engine. */
async function attackTask(key: NetworkKey, images: number, options: BenchOptions): Promise<SideTaskOf<'attack'>> {
  const { network, batch } = NETWORKS[key];
  const { threads, enginePack, scratch } = options;
  const folder = await mkdtemp(join(scratch, 'job-'));
  const material = await prepareMaterial(folder, network, batch, 'attack', enginePack, images);
  const common = { side: 'tensorflow', threads, network, batch, folder, enginePack };
  return { kind: 'attack', ...common, steps: 10, ...WITHSTOOD, ...material };
}

/** Makes the job's material once; each call gives the job with a fresh folder. */
async function specOf(
  key: NetworkKey,
  use: 'train' | 'attack',
  options: BenchOptions,
): Promise<() => Promise<JobSpec>> {
  const { network, batch } = NETWORKS[key];
  const task = await attackTask(key, batch, options);
  const folder = (): Promise<string> => mkdtemp(join(options.scratch, 'first-step-'));
  if (use === 'attack') {
    const attack = { name: 'pgd', settings: { ...WITHSTOOD, steps: 10, restarts: 1 } };
    return async () => evaluateJob(task, attack, task.dataset, await folder());
  }
  const { dataset } = await prepareMaterial(await folder(), network, batch, 'train', options.enginePack);
  const { weights: _weights, ...rest } = task;
  return async () => trainJob({ ...rest, kind: 'train', dataset, folder: await folder() });
}
