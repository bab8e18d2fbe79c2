import type { Goal } from '../../../../shared/domain/evaluation.ts';
import { AppError } from '../../../../shared/domain/errors.ts';
import { stream } from '../../random/stream.ts';
import type { Examples } from './examples.ts';
import type { AttackOptions } from '../options.ts';
import { requireTargeted } from '../plan.ts';
import type { AttackPlan } from '../plan.ts';

/** The class that each row is led to, [rows]; undefined: any but its label. */
export type Targets = Int32Array | undefined;

/** Rounds of an attack, each with restarts of its own: one for each wrong class where all are tried. */
export function roundsOf(goal: Goal, classes: number): number {
  return goal === 'all' ? classes - 1 : 1;
}

/**
 * The classes that rows are led to, round by round.
 * - least-likely: the wrong class of the smallest logit without an attack (Kurakin et al. 2017, arXiv 1607.02533, 2.3).
 * - random: a wrong class from the stream of (seed, 'goal', example).
 * - next: the label plus one, after the last class the first one.
 * - all: every wrong class in turn, the next one first.
 * @param logits without an attack, [rows, classes], of the model that x' is made on.
 * @throws AppError `invalid-input` with less than 2 classes.
 */
export function targetsOf(
  goal: Goal,
  { labels, indices }: Pick<Examples, 'labels' | 'indices'>,
  logits: Float32Array,
  classes: number,
  seed: number,
): readonly Targets[] {
  if (goal === 'untargeted') return [undefined];
  if (classes < 2) {
    throw new AppError('invalid-input', 'With a single class there is no wrong class that an attack could lead to.', {
      details: { field: 'goal', found: goal },
    });
  }
  const shifted = (by: (row: number) => number): Int32Array =>
    Int32Array.from(labels, (label, row) => (label + by(row)) % classes);
  switch (goal) {
    case 'next':
      return [shifted(() => 1)];
    case 'random':
      return [shifted((row) => 1 + stream(seed, 'goal', indices[row] ?? 0).integer(classes - 1))];
    case 'least-likely':
      return [Int32Array.from(labels, (label, row) => leastLikely(logits, row * classes, classes, label))];
    case 'all':
      return Array.from({ length: classes - 1 }, (_, round) => shifted(() => round + 1));
  }
}

/** The same for an attack: the classes that it was given, or those of its goal. */
export function roundTargets(
  options: Pick<AttackOptions<AttackPlan>, 'goal' | 'targets' | 'examples' | 'seed' | 'plan'>,
  logits: Float32Array,
  classes: number,
): readonly Targets[] {
  const { goal = 'untargeted', targets, examples, seed, plan } = options;
  if (targets || goal !== 'untargeted') requireTargeted(plan);
  return targets ? [targets] : targetsOf(goal, examples, logits, classes, seed);
}

/** Position of the smallest of `count` logits that is not the label's; logits that are not finite are passed over. */
function leastLikely(logits: Float32Array, offset: number, count: number, label: number): number {
  let least = (label + 1) % count;
  for (let i = 0; i < count; i += 1) {
    const [value, smallest] = [logits[offset + i] ?? Number.NaN, logits[offset + least] ?? Number.NaN];
    if (i !== label && (value < smallest || (Number.isFinite(value) && !Number.isFinite(smallest)))) least = i;
  }
  return least;
}
