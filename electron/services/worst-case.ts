import type { ResultTable, WorstBasis } from '../../shared/domain/library.ts';
import { wilsonInterval } from '../compute/statistics/wilson.ts';

/** What the worst case needs of one model's number in one evaluation. */
export interface Attacked {
  readonly model: string;
  readonly whiteBox: boolean;
  /** Found by a search that sees scores only. */
  readonly gradientFree: boolean;
  readonly epsilon: number;
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
 * One ε and one set of images for a whole table: the ε that most white-box numbers have, the largest of those, and the
 * images that most of them are on, the most images of those. Null without a white-box number.
 */
export function worstBasisOf(numbers: readonly Attacked[]): Basis | null {
  const whiteBox = numbers.filter((number) => number.whiteBox);
  const epsilon = mostCommon(
    whiteBox,
    (number) => number.epsilon,
    (number) => number.epsilon,
  )?.epsilon;
  const chosen = mostCommon(
    whiteBox.filter((number) => number.epsilon === epsilon),
    (number) => number.images,
    (number) => number.stands.size,
  );
  if (!chosen) return null;
  return { epsilon: chosen.epsilon, images: chosen.images, examples: chosen.stands.size, split: chosen.split };
}

/** Whether a worst case on this basis counts the number: every attack up to its ε on its images. */
export function isCounted(number: Attacked, basis: Basis): boolean {
  return number.epsilon <= basis.epsilon && number.images === basis.images;
}

/**
 * Per model the worst case per example: an example stands if it withstood every attack up to the basis' ε on its images,
 * white-box and transfer. Models without a white-box number at that ε on these images have none.
 */
export function worstCasesOf(
  models: readonly string[],
  numbers: readonly Attacked[],
  basis: Basis,
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
    const gradientFree = counted.some((number) => number.gradientFree);
    const accuracy = standing.length / examples;
    const worst = { accuracy, low, high, examples, epsilon, attacks: counted.length, gradientFree };
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
