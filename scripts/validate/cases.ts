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
  readonly fixture: 'small-nat' | 'small-adv';
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

const apgd = (loss: string, kind: string): ValidationCase =>
  compare(`apgd-${kind}`, 'small-adv', 64, 'apgd', { epsilon: 0.3, loss, steps: 100 }, 'accuracy', 3, 'apgd', {
    epsilon: 0.3,
    norm: 'Linf',
    steps: 100,
    loss: kind,
  });

const MOMENTUM = { epsilon: 0.3, steps: 10, stepSize: 0.03 };

/** Fewer of both than the defaults: the comparison shall take minutes. */
const SEARCH = { searches: 6, steps: 200, rate: 0.05, initial: 0.1 };

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
  compare('autoattack', 'small-adv', 64, 'autoattack', { norm: 'linf', epsilon: 0.3 }, 'accuracy', 1, 'autoattack', {
    norm: 'Linf',
    epsilon: 0.3,
  }),
  compare('fab', 'small-adv', 64, 'fab', { norm: 'linf', epsilon: 0.3, steps: 100 }, 'accuracy', 1, 'fab', {
    norm: 'Linf',
    epsilon: 0.3,
    steps: 100,
  }),
  compare('square', 'small-adv', 64, 'square', { epsilon: 0.3, queries: 1000 }, 'accuracy', 3, 'square', {
    norm: 'Linf',
    epsilon: 0.3,
    queries: 1000,
  }),
  compare('deepfool-l2', 'small-nat', 64, 'deepfool', { norm: 'l2', epsilon: 1.5 }, 'distance', 1, 'deepfool', {
    norm: 'l2',
    steps: 50,
    overshoot: 0.02,
  }),
  compare('deepfool-linf', 'small-nat', 64, 'deepfool', { norm: 'linf', epsilon: 0.15 }, 'distance', 1, 'deepfool', {
    norm: 'linf',
    steps: 50,
    overshoot: 0.02,
  }),
  compare('cw', 'small-nat', 32, 'cw', { epsilon: 1.5, ...SEARCH }, 'distance', 1, 'carlini-wagner', {
    ...SEARCH,
    norm: 'l2',
  }),
  compare('ead', 'small-nat', 32, 'ead', { epsilon: 12, beta: 0.01, ...SEARCH }, 'distance', 1, 'ead', {
    ...SEARCH,
    beta: 0.01,
    norm: 'l1',
  }),
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
