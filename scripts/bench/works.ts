import type { Pace } from './alternate.ts';
import type { BenchNetwork, SideTaskOf } from './protocol.ts';

/** What a comparison must come to: its speed over the fastest of `against`. */
export interface Target {
  readonly text: string;
  readonly against: readonly string[];
  readonly atLeast: number;
}

type PaceOf = Readonly<Record<'quick' | 'full', Omit<Pace, 'quietSeconds'>>>;

interface Named {
  readonly name: string;
  readonly title: string;
  /** Whether `--quick` measures it where no works are named. */
  readonly inQuick: boolean;
}

interface Comparison extends Named {
  readonly network: BenchNetwork;
  readonly batch: number;
  /** The first one is the one that is compared with the others. Engines of Pairlight or Python sides. */
  readonly sides: readonly string[];
  readonly targets: readonly Target[];
  readonly pace: PaceOf;
}

/** A work of which every repetition is the same: PGD on a batch with or without a verdict, or a training step. */
export interface SteadyWork extends Comparison {
  readonly kind: 'attack' | 'make' | 'train';
  readonly pgd: Pick<SideTaskOf<'attack'>, 'steps' | 'epsilon' | 'stepSize'>;
}

/** Robust accuracy of the trained fixture network on MNIST test images, a part of them in each round. */
export interface RobustWork extends Comparison {
  readonly kind: 'robust';
  readonly attack: Pick<SideTaskOf<'robust'>, 'attack' | 'epsilon' | 'stepSize' | 'restarts'>;
  /** Gradient steps or queries, images in all, and images in each round. */
  readonly extent: Readonly<Record<'quick' | 'full', { readonly steps: number; readonly images: number }>>;
  /** Examples at once on the Python sides, which do not fill a batch up when examples leave it. */
  readonly peerBatch: number;
  /** Parts that the images are cut into, one for each round; with fewer parts than rounds they come again. */
  readonly parts: Readonly<Record<'quick' | 'full', number>>;
  /** Sides that take part in so many rounds only, since they take the same time for every part. */
  readonly sitsOut: Readonly<Record<string, number>>;
}

/** Figures of whole jobs in their own processes. */
export interface JobWork extends Named {
  readonly kind: 'first-step' | 'memory' | 'growth';
}

/** How cost grows with one quantity at a time. */
export interface ScalingWork extends Named {
  readonly kind: 'scaling';
}

/** Where the time of a PGD step goes. */
export interface ProfileWork extends Named {
  readonly kind: 'profile';
  readonly of: NetworkKey;
}

/** What reading and augmenting batches costs beside the steps that they are for. */
export interface PipelineWork extends Named {
  readonly kind: 'pipeline';
}

export type Work = SteadyWork | RobustWork | JobWork | ScalingWork | ProfileWork | PipelineWork;

export const NETWORKS = {
  mnist: { network: { architecture: 'mnist-cnn', shape: [28, 28, 1], classes: 10 }, batch: 128 },
  resnet20: { network: { architecture: 'cifar-resnet20', shape: [32, 32, 3], classes: 10 }, batch: 64 },
  resnet50: { network: { architecture: 'resnet50', shape: [64, 64, 3], classes: 17 }, batch: 16 },
} as const satisfies Record<string, { readonly network: BenchNetwork; readonly batch: number }>;
export type NetworkKey = keyof typeof NETWORKS;

export const PYTORCH = ['torch', 'torch-nhwc'] as const;
const ATTACK_LIBRARIES = ['foolbox', 'torchattacks', 'art'] as const;
/** The Python sides that make PGD on one batch. */
export const ATTACK_SIDES = [...PYTORCH, ...ATTACK_LIBRARIES] as const;

/** Small enough that no example breaks: every step sees the whole batch, whoever lets broken ones leave. */
export const WITHSTOOD = { epsilon: 1e-5, stepSize: 2.5e-6 } as const;
/** Repetitions until every step of an engine has been compiled and checked, and until PyTorch has found its pace. */
export const WARM_UP = { engine: 5, peer: 1 } as const;

const steady = (rounds: number): PaceOf => ({
  quick: { rounds: 3, sampleSeconds: 0.5 },
  full: { rounds, sampleSeconds: 2 },
});

function pgd(key: NetworkKey, atLeast: number, rounds: number): SteadyWork {
  return {
    kind: 'make',
    name: `pgd-${key}`,
    inQuick: key !== 'resnet50',
    title: `PGD-10, ${describe(key)}`,
    ...NETWORKS[key],
    pgd: { steps: 10, ...WITHSTOOD },
    sides: ['tensorflow', ...ATTACK_SIDES],
    targets: [{ text: 'the best peer', against: ATTACK_SIDES, atLeast }],
    pace: steady(rounds),
  };
}

/** What it takes to say how robust the batch is. */
function evaluation(key: NetworkKey, rounds: number): SteadyWork {
  return {
    ...pgd(key, 1, rounds),
    kind: 'attack',
    name: `evaluate-${key}`,
    inQuick: false,
    title: `PGD-10 and the verdict, ${describe(key)}`,
    sides: ['tensorflow', ...PYTORCH, 'foolbox'],
    targets: [],
  };
}

function training(key: NetworkKey, atLeast: number, rounds: number): SteadyWork {
  return {
    kind: 'train',
    name: `train-${key}`,
    inQuick: key !== 'resnet50',
    title: `adversarial training step (PGD-10 inside), ${describe(key)}`,
    ...NETWORKS[key],
    pgd: { steps: 10, epsilon: 8 / 255, stepSize: 2 / 255 },
    sides: ['tensorflow', ...PYTORCH],
    targets: [{ text: 'the best peer', against: PYTORCH, atLeast }],
    pace: steady(rounds),
  };
}

function engines(key: NetworkKey): SteadyWork {
  return {
    kind: 'attack',
    name: `wasm-${key}`,
    inQuick: key === 'mnist',
    title: `PGD-10 on wasm and tensorflow, ${describe(key)}`,
    ...NETWORKS[key],
    pgd: { steps: 10, ...WITHSTOOD },
    sides: ['wasm', 'tensorflow'],
    targets: [{ text: 'tensorflow', against: ['tensorflow'], atLeast: 0.2 }],
    pace: steady(3),
  };
}

function profile(key: NetworkKey): ProfileWork {
  return {
    kind: 'profile',
    name: `profile-${key}`,
    inQuick: false,
    title: `a step of PGD on tensorflow, ${describe(key)}`,
    of: key,
  };
}

function describe(key: NetworkKey): string {
  const { network, batch } = NETWORKS[key];
  return `${network.architecture} at ${network.shape[0]}×${network.shape[1]}, batch ${batch}`;
}

const once = (rounds: number): Omit<Pace, 'quietSeconds'> => ({ rounds, sampleSeconds: 0 });

/** The work's title with what its extent comes to. */
export function titleOf(work: Work, extent: 'quick' | 'full'): string {
  if (work.kind !== 'robust') return work.title;
  const { steps, images } = work.extent[extent];
  const unit = work.attack.attack === 'square' ? 'queries' : 'steps';
  return `${work.title}: ${steps} ${unit}, ${images} MNIST test images, fixture-adv`;
}

export const WORKS: readonly Work[] = [
  pgd('mnist', 1.4, 5),
  pgd('resnet20', 1.5, 5),
  pgd('resnet50', 1.1, 4),
  evaluation('mnist', 4),
  evaluation('resnet20', 4),
  evaluation('resnet50', 3),
  training('mnist', 1.3, 5),
  training('resnet20', 1.3, 5),
  training('resnet50', 1.1, 4),
  {
    kind: 'robust',
    name: 'robust',
    inQuick: true,
    title: 'time to the same robust accuracy, PGD × 5 at ε 0.3',
    ...NETWORKS.mnist,
    peerBatch: 250,
    attack: { attack: 'pgd', epsilon: 0.3, stepSize: 0.01, restarts: 5 },
    extent: { quick: { steps: 100, images: 50 }, full: { steps: 100, images: 1000 } },
    sides: ['tensorflow', ...ATTACK_LIBRARIES, 'torch-compaction'],
    targets: [
      { text: 'the fastest of foolbox, torchattacks and ART as they are', against: ATTACK_LIBRARIES, atLeast: 4 },
      { text: 'plain PyTorch with compaction', against: ['torch-compaction'], atLeast: 1.3 },
    ],
    pace: { quick: once(1), full: once(4) },
    parts: { quick: 1, full: 4 },
    sitsOut: { foolbox: 1, art: 1, torchattacks: 2 },
  },
  {
    kind: 'robust',
    name: 'apgd',
    inQuick: true,
    title: 'APGD-CE at ε 0.3',
    ...NETWORKS.mnist,
    peerBatch: 256,
    attack: { attack: 'apgd', epsilon: 0.3, stepSize: null, restarts: 1 },
    extent: { quick: { steps: 100, images: 64 }, full: { steps: 100, images: 256 } },
    sides: ['tensorflow', 'pyautoattack'],
    targets: [{ text: 'pyautoattack', against: ['pyautoattack'], atLeast: 1.5 }],
    pace: { quick: once(2), full: once(2) },
    parts: { quick: 1, full: 1 },
    sitsOut: {},
  },
  {
    kind: 'robust',
    name: 'square',
    inQuick: true,
    title: 'Square at ε 0.3',
    ...NETWORKS.mnist,
    peerBatch: 256,
    attack: { attack: 'square', epsilon: 0.3, stepSize: null, restarts: 1 },
    extent: { quick: { steps: 500, images: 64 }, full: { steps: 5000, images: 256 } },
    sides: ['tensorflow', 'pyautoattack'],
    targets: [{ text: 'pyautoattack', against: ['pyautoattack'], atLeast: 1.5 }],
    pace: { quick: once(1), full: once(2) },
    parts: { quick: 1, full: 2 },
    sitsOut: { pyautoattack: 1 },
  },
  engines('mnist'),
  engines('resnet20'),
  { kind: 'memory', name: 'memory', inQuick: true, title: 'peak memory of an evaluation' },
  { kind: 'first-step', name: 'first-step', inQuick: true, title: 'first step of a job after its start' },
  {
    kind: 'growth',
    name: 'growth',
    inQuick: true,
    title: 'memory growth of an evaluation after its first batch',
  },
  {
    kind: 'pipeline',
    name: 'pipeline',
    inQuick: true,
    title: 'input pipeline: batches read, augmented and started beside the steps',
  },
  profile('mnist'),
  profile('resnet20'),
  profile('resnet50'),
  { kind: 'scaling', name: 'scaling', inQuick: false, title: 'how cost grows' },
];
