import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { ARCHITECTURES } from '../../electron/compute/models/architectures.ts';
import { buildNetwork, parameterCount } from '../../electron/compute/models/network.ts';
import { alternate, medianSample } from './alternate.ts';
import { prepareMaterial } from './material.ts';
import type { BenchOptions } from './options.ts';
import { short } from './print.ts';
import type { BenchNetwork, SideTask } from './protocol.ts';
import type { FigureResult } from './results.ts';
import { SideProcess } from './side-process.ts';
import { logLogSlope } from './statistics.ts';
import { NETWORKS, WARM_UP, WITHSTOOD, type ScalingWork } from './works.ts';

/** One quantity that grows while all others stay. */
interface Series {
  readonly quantity: string;
  readonly work: string;
  readonly points: readonly Point[];
}

interface Point {
  readonly x: number;
  readonly network: BenchNetwork;
  readonly batch: number;
  readonly steps: number;
  /** Examples of a whole evaluation; null for PGD on one batch over and over. */
  readonly examples: number | null;
}

const { mnist, resnet20 } = NETWORKS;

function series(): readonly Series[] {
  const point = (x: number, change: Partial<Point> = {}): Point => ({
    x,
    network: mnist.network,
    batch: mnist.batch,
    steps: 10,
    examples: null,
    ...change,
  });
  const atSide = (side: number): BenchNetwork => ({ ...resnet20.network, shape: [side, side, 3] });
  const named = (architecture: string): BenchNetwork => ({ ...resnet20.network, architecture });
  const deep = ['cifar-resnet20', 'cifar-resnet32', 'cifar-resnet56'].filter(isThere);
  return [
    { quantity: 'batch', work: 'PGD-10, mnist-cnn', points: [32, 64, 128, 256].map((x) => point(x, { batch: x })) },
    {
      quantity: 'steps',
      work: 'PGD, mnist-cnn, batch 128',
      points: [5, 10, 20, 40].map((x) => point(x, { steps: x })),
    },
    {
      quantity: 'pixels of an image',
      work: 'PGD-10, cifar-resnet20, batch 16',
      points: isThere('cifar-resnet20')
        ? [16, 32, 64].map((side) => point(side * side, { network: atSide(side), batch: 16 }))
        : [],
    },
    {
      quantity: 'parameters of the network',
      work: 'PGD-10, cifar-resnet20, 32 and 56, batch 16',
      points: deep.map((name) =>
        point(parameterCount(buildNetwork(name, resnet20.network.shape, 10)), { network: named(name), batch: 16 }),
      ),
    },
    {
      quantity: 'examples',
      work: 'whole evaluation, PGD-10, mnist-cnn, batch 128',
      points: [256, 512, 1024].map((x) => point(x, { examples: x })),
    },
  ];
}

const isThere = (architecture: string): boolean => ARCHITECTURES.some(({ name }) => name === architecture);

/** Measures each series in alternation of its points; the slope says how cost grows. */
export async function runScaling({ name, title }: ScalingWork, options: BenchOptions): Promise<FigureResult> {
  const rows: string[][] = [];
  for (const { quantity, work, points } of series()) {
    if (points.length < 2) continue;
    const seconds = await measurePoints(points, options);
    const slope = logLogSlope(points.map(({ x }, index) => [x, seconds[index] ?? Number.NaN] as const));
    const costs = points.map(({ x }, index) => `${x}: ${short(seconds[index] ?? Number.NaN)}`);
    rows.push([quantity, work, costs.join(', '), slope.toFixed(2)]);
  }
  return {
    kind: 'figures',
    name,
    title,
    head: ['quantity', 'work', 'seconds at each value', 'log-log slope'],
    rows,
    verdicts: [],
    notes: [],
  };
}

/** Median seconds of one repetition of each point. */
async function measurePoints(points: readonly Point[], options: BenchOptions): Promise<readonly number[]> {
  const sides: SideProcess[] = [];
  try {
    for (const point of points) sides.push(await SideProcess.start(await taskOf(point, options), null));
    const contestants = sides.map((side, index) => ({
      name: String(index),
      warmUp: points[index]?.examples === null ? WARM_UP.engine : 1,
      rounds: null,
      measure: (times: number) => side.measure(times),
    }));
    const pace = { rounds: 3, sampleSeconds: 0.3 };
    const samples = await alternate(contestants, { ...pace, quietSeconds: options.quietSeconds });
    return samples.map((side) => medianSample(side).secondsEach);
  } finally {
    await Promise.all(sides.map((side) => side.end()));
  }
}

async function taskOf({ network, batch, steps, examples }: Point, options: BenchOptions): Promise<SideTask> {
  const { threads, enginePack, scratch } = options;
  const folder = await mkdtemp(join(scratch, 'scaling-'));
  const { dataset, weights } = await prepareMaterial(folder, network, batch, 'attack', enginePack, examples ?? batch);
  const common = { side: 'tensorflow', threads, network, batch, folder, enginePack, steps, ...WITHSTOOD, weights };
  if (examples === null) return { kind: 'attack', ...common, dataset };
  return { kind: 'robust', ...common, attack: 'pgd', restarts: 1, chunks: [dataset] };
}
