import type { ResultTable, WorstBasis } from '../../shared/domain/library.ts';
import type { Norm } from '../compute/attacks/base/budget.ts';
import { weaknessOfWorst } from './worst-weakness.ts';
import type { Means } from './worst-weakness.ts';
import { wilsonInterval } from '../compute/statistics/wilson.ts';

/** What the worst case needs of one model's number in one evaluation. */
export interface Attacked {
  readonly model: string;
  /** White-box, and not after one class alone. */
  readonly whiteBox: boolean;
  /** Of the attack on this model. */
  readonly means: readonly Means[];
  readonly norm: Norm;
  readonly epsilon: number;
  /** Whether norm and ε are what bounds the attack; rotations, for one, are bounded otherwise. */
  readonly inBall: boolean;
  /** Tells sets of images apart. */
  readonly images: string;
  readonly split: WorstBasis['split'];
  /** By position in the data set: whether the example withstood. */
  readonly stands: ReadonlyMap<number, boolean>;
}

/** What all worst cases of a table are counted at, with the set of images that is meant. */
export interface Basis extends WorstBasis {
  readonly images: string;
}

/**
 * One ball and one set of images for a whole table: the norm and ε that most white-box numbers have, the largest ε of
 * those, and the images that most of them are on, the most images of those. Null without a white-box number.
 */
export function worstBasisOf(numbers: readonly Attacked[]): Basis | null {
  const whiteBox = numbers.filter((number) => number.whiteBox && number.inBall);
  const common = mostCommon(
    whiteBox,
    ({ norm, epsilon }) => `${norm} ${epsilon}`,
    ({ epsilon }) => epsilon,
  );
  const chosen = mostCommon(
    whiteBox.filter((number) => number.norm === common?.norm && number.epsilon === common.epsilon),
    (number) => number.images,
    (number) => number.stands.size,
  );
  if (!chosen) return null;
  const { norm, epsilon, images, stands, split } = chosen;
  return { norm, epsilon, images, examples: stands.size, split };
}

/** Whether a worst case on this basis counts the number: every attack in its norm up to its ε on its images. */
export function isCounted(number: Attacked, basis: Basis): boolean {
  const inside = number.inBall && number.norm === basis.norm && number.epsilon <= basis.epsilon;
  return inside && number.images === basis.images;
}

/**
 * Per model the worst case per example: an example stands if it withstood every attack up to the basis' ε on its images,
 * white-box and transfer. Models without a white-box number at that ε on these images have none.
 * @param hasGradients whether a model gives any.
 */
export function worstCasesOf(
  models: readonly string[],
  numbers: readonly Attacked[],
  basis: Basis,
  hasGradients: (model: string) => boolean,
): ResultTable['worstCase'] {
  const { epsilon } = basis;
  const entries = models.flatMap((model) => {
    const counted = numbers.filter((number) => number.model === model && isCounted(number, basis));
    const anchor = counted.find((number) => number.whiteBox && number.epsilon === epsilon);
    if (!anchor || anchor.stands.size === 0) return [];
    const positions = [...anchor.stands.keys()];
    const standing = positions.filter((position) => counted.every(({ stands }) => stands.get(position) !== false));
    const examples = positions.length;
    const [low, high] = wilsonInterval(standing.length, examples);
    const means = counted.filter((number) => number.epsilon === epsilon).flatMap((number) => number.means);
    const weak = weaknessOfWorst(means, hasGradients(model));
    const accuracy = standing.length / examples;
    const worst = { accuracy, low, high, examples, epsilon, attacks: counted.length, weak };
    return [[model, worst] as const];
  });
  return Object.fromEntries(entries);
}

/** A member of the largest group; of equally large groups, of the one with the largest rank. */
function mostCommon<T>(all: readonly T[], keyOf: (one: T) => unknown, rankOf: (one: T) => number): T | undefined {
  const groups = new Map<unknown, { readonly first: T; size: number }>();
  for (const one of all) {
    const group = groups.get(keyOf(one)) ?? { first: one, size: 0 };
    group.size += 1;
    groups.set(keyOf(one), group);
  }
  return [...groups.values()].sort((a, b) => b.size - a.size || rankOf(b.first) - rankOf(a.first))[0]?.first;
}
