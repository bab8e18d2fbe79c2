import type { PeerName } from '../../electron/compute/fixtures/peers.ts';
import type { AttackSpec } from '../../shared/domain/evaluation.ts';

/** What is held against the peers. */
export type Bar =
  /** The same verdict on every image: attacks without anything random. */
  | 'same'
  /** Not more images left standing than by the best peer, but one of up to 128, two of more. */
  | 'accuracy'
  /** A median perturbation of at most 1.02 times the best peer's. */
  | 'distance'
  /** Nothing: the control, or an attack that no peer has in this form. */
  | 'none';

/** One attack on one network, by Pairlight and by the peers that have it. */
export interface ValidationCase {
  readonly name: string;
  readonly fixture: PeerName;
  /** The first so many of the fixture's images. */
  readonly examples: number;
  readonly attack: AttackSpec;
  readonly bar: Bar;
  /** Seeds of Pairlight and of the peers; the median counts. */
  readonly seeds: number;
  /** What the peers' program runs, with its parameters; null if no peer has the attack. */
  readonly peers: { readonly kind: string; readonly parameters: Readonly<Record<string, number | string>> } | null;
}

type Parameters = Readonly<Record<string, number | string>>;
type Settings = AttackSpec['settings'];

const compare = (
  name: string,
  fixture: ValidationCase['fixture'],
  examples: number,
  attack: string,
  settings: Settings,
  bar: Bar,
  seeds: number,
  kind: string | null,
  parameters: Parameters = {},
): ValidationCase => ({
  name,
  fixture,
  examples,
  attack: { name: attack, settings },
  bar,
  seeds,
  peers: kind === null ? null : { kind, parameters },
});

/** Fewer of both than the defaults: the comparison shall take minutes. */
const SEARCH = { searches: 6, steps: 200, rate: 0.05, initial: 0.1 };

type Ball = Readonly<{ norm: 'linf' | 'l2' | 'l1'; epsilon: number }>;

/** pyautoattack's names. */
const NORMS = { linf: 'Linf', l2: 'L2', l1: 'L1' } as const;

const L2_NAT: Ball = { norm: 'l2', epsilon: 1.5 };
const L2_ADV: Ball = { norm: 'l2', epsilon: 2 };
const L1_NAT: Ball = { norm: 'l1', epsilon: 8 };
const L1_ADV: Ball = { norm: 'l1', epsilon: 12 };
const LINF: Ball = { norm: 'linf', epsilon: 0.3 };

const named = (attack: string, fixture: ValidationCase['fixture'], { norm }: Ball): string =>
  `${attack}-${norm}-${fixture}`;

const apgd = (loss: string, kind: string): ValidationCase =>
  compare(`apgd-${kind}`, 'small-adv', 64, 'apgd', { epsilon: 0.3, loss, steps: 100 }, 'accuracy', 3, 'apgd', {
    epsilon: 0.3,
    norm: 'Linf',
    steps: 100,
    loss: kind,
    targets: 9,
  });

/** With as many targets as the ensemble has in the norm. */
const apgdTargeted = (fixture: ValidationCase['fixture'], ball: Ball): ValidationCase =>
  compare(
    named('apgd-t', fixture, ball),
    fixture,
    64,
    'apgd',
    { ...ball, loss: 'targeted-dlr' },
    'accuracy',
    3,
    'apgd',
    {
      epsilon: ball.epsilon,
      norm: NORMS[ball.norm],
      steps: 100,
      loss: 't',
      targets: ball.norm === 'l1' ? 5 : 9,
    },
  );

/** On the schedule of AutoAttack, which breaks more with few queries than one that is stretched to them. */
const squareIn = (fixture: ValidationCase['fixture'], ball: Ball): ValidationCase =>
  compare(
    named('square', fixture, ball),
    fixture,
    64,
    'square',
    { ...ball, queries: 1000, stretched: false },
    'accuracy',
    3,
    'square',
    {
      epsilon: ball.epsilon,
      norm: NORMS[ball.norm],
      queries: 1000,
    },
  );

const standard = (fixture: ValidationCase['fixture'], ball: Ball): ValidationCase =>
  compare(named('autoattack', fixture, ball), fixture, 64, 'autoattack', { ...ball }, 'accuracy', 1, 'autoattack', {
    epsilon: ball.epsilon,
    norm: NORMS[ball.norm],
  });

/** By the sizes of all x', also those beyond ε: the peer's bound is far beyond them. */
const fabDistance = (fixture: ValidationCase['fixture'], { norm, epsilon }: Ball): ValidationCase =>
  compare(`fab-${norm}-${fixture}-size`, fixture, 64, 'fab', { norm, epsilon, steps: 100 }, 'distance', 1, 'fab', {
    epsilon: norm === 'linf' ? 1 : 100,
    norm: NORMS[norm],
    steps: 100,
  });

const deepfool = (fixture: ValidationCase['fixture'], norm: 'l2' | 'linf', epsilon: number): ValidationCase =>
  compare(`deepfool-${norm}-${fixture}`, fixture, 64, 'deepfool', { norm, epsilon }, 'distance', 1, 'deepfool', {
    norm,
    steps: 50,
    overshoot: 0.02,
  });

const carliniWagner = (fixture: ValidationCase['fixture'], examples: number, epsilon: number): ValidationCase =>
  compare(`cw-${fixture}`, fixture, examples, 'cw', { epsilon, ...SEARCH }, 'distance', 1, 'carlini-wagner', {
    ...SEARCH,
    norm: 'l2',
  });

const elasticNet = (fixture: ValidationCase['fixture'], examples: number, epsilon: number): ValidationCase =>
  compare(`ead-${fixture}`, fixture, examples, 'ead', { epsilon, beta: 0.01, ...SEARCH }, 'distance', 1, 'ead', {
    ...SEARCH,
    beta: 0.01,
    norm: 'l1',
  });

const MOMENTUM = { epsilon: 0.3, steps: 10, stepSize: 0.03 };

/** Every attack of the registry at least once, deterministic ones first. */
export const CASES: readonly ValidationCase[] = [
  compare('fgsm', 'small-nat', 256, 'fgsm', { epsilon: 0.1 }, 'same', 1, 'fgsm', { epsilon: 0.1 }),
  compare('fgm-l2', 'small-nat', 256, 'fgm', { norm: 'l2', epsilon: 1 }, 'same', 1, 'fgm', { epsilon: 1 }),
  compare('bim', 'small-nat', 256, 'bim', { epsilon: 0.1, steps: 10, stepSize: 0.01 }, 'same', 1, 'bim', {
    epsilon: 0.1,
    steps: 10,
    stepSize: 0.01,
  }),
  compare(
    'pgd-linf',
    'small-adv',
    256,
    'pgd',
    { norm: 'linf', epsilon: 0.3, steps: 40, stepSize: 0.01 },
    'accuracy',
    3,
    'pgd',
    { norm: 'linf', epsilon: 0.3, steps: 40, stepSize: 0.01 },
  ),
  compare(
    'pgd-l2',
    'small-nat',
    256,
    'pgd',
    { norm: 'l2', epsilon: 2, steps: 40, stepSize: 0.125 },
    'accuracy',
    3,
    'pgd',
    { norm: 'l2', epsilon: 2, steps: 40, stepSize: 0.125 },
  ),
  apgd('cross-entropy', 'ce'),
  apgd('dlr', 'dlr'),
  apgd('targeted-dlr', 't'),
  apgdTargeted('small-nat', L2_NAT),
  apgdTargeted('small-adv', L2_ADV),
  apgdTargeted('small-nat', L1_NAT),
  apgdTargeted('small-adv', L1_ADV),
  standard('small-adv', LINF),
  standard('small-nat', L2_NAT),
  standard('small-adv', L2_ADV),
  standard('small-nat', L1_NAT),
  standard('small-adv', L1_ADV),
  standard('adv', LINF),
  compare('fab', 'small-adv', 64, 'fab', { norm: 'linf', epsilon: 0.3, steps: 100 }, 'accuracy', 1, 'fab', {
    norm: 'Linf',
    epsilon: 0.3,
    steps: 100,
  }),
  fabDistance('small-nat', { norm: 'linf', epsilon: 0.15 }),
  fabDistance('small-nat', L2_NAT),
  fabDistance('small-nat', L1_NAT),
  fabDistance('small-adv', LINF),
  fabDistance('small-adv', L2_ADV),
  fabDistance('small-adv', L1_ADV),
  fabDistance('adv', LINF),
  squareIn('small-nat', L2_NAT),
  squareIn('small-adv', L2_ADV),
  squareIn('small-nat', L1_NAT),
  squareIn('small-adv', L1_ADV),
  compare('square', 'small-adv', 64, 'square', { epsilon: 0.3, queries: 1000 }, 'accuracy', 3, 'square', {
    norm: 'Linf',
    epsilon: 0.3,
    queries: 1000,
  }),
  deepfool('small-nat', 'l2', 1.5),
  deepfool('small-nat', 'linf', 0.15),
  deepfool('small-adv', 'l2', 2),
  deepfool('small-adv', 'linf', 0.3),
  deepfool('adv', 'l2', 2),
  deepfool('adv', 'linf', 0.3),
  carliniWagner('small-nat', 32, 1.5),
  carliniWagner('small-adv', 32, 2),
  carliniWagner('adv', 16, 2),
  elasticNet('small-nat', 32, 12),
  elasticNet('small-adv', 32, 12),
  elasticNet('adv', 16, 12),
  compare('mi-fgsm', 'small-adv', 64, 'mi-fgsm', MOMENTUM, 'accuracy', 1, 'mi-fgsm', MOMENTUM),
  compare('ni-fgsm', 'small-adv', 64, 'mi-fgsm', { ...MOMENTUM, nesterov: true }, 'accuracy', 1, 'ni-fgsm', MOMENTUM),
  compare('spsa', 'small-nat', 32, 'spsa', { epsilon: 0.15, iterations: 20, samples: 64 }, 'accuracy', 1, 'spsa', {
    epsilon: 0.15,
    steps: 20,
    samples: 64,
  }),
  compare(
    'hopskipjump-l2',
    'small-nat',
    16,
    'hopskipjump',
    { norm: 'l2', epsilon: 2, queries: 1750 },
    'distance',
    1,
    'hopskipjump',
    {
      norm: 'l2',
      steps: 8,
    },
  ),
  compare(
    'hopskipjump-linf',
    'small-nat',
    16,
    'hopskipjump',
    { norm: 'linf', epsilon: 0.2, queries: 1935 },
    'distance',
    1,
    'hopskipjump',
    { norm: 'linf', steps: 8 },
  ),
  compare('boundary', 'small-nat', 16, 'boundary', { epsilon: 2, queries: 2500 }, 'distance', 1, 'boundary', {
    steps: 2500,
  }),
  compare(
    'spatial',
    'small-nat',
    32,
    'spatial',
    { maxRotation: 30, maxShift: 3, rotations: 9, shifts: 3 },
    'accuracy',
    1,
    'spatial',
    { rotation: 30, shift: 3, rotations: 9, shifts: 3 },
  ),
  compare('noise', 'small-nat', 256, 'noise', { epsilon: 0.3, trials: 10 }, 'none', 1, 'noise', {
    epsilon: 0.3,
    trials: 10,
  }),
];
