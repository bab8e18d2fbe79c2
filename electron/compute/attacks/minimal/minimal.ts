import { z } from 'zod';
import { measurePerturbation } from '../base/budget.ts';
import { batchesOf, imageSize } from '../base/examples.ts';
import type { Found } from '../method.ts';
import type { AttackOptions } from '../options.ts';
import type { Candidate } from '../base/outcome.ts';

/** ε of attacks that look for the smallest perturbation. */
export const distanceSetting = (epsilon: number) =>
  z.number().min(0, 'must be at least 0').max(1e6, 'must be at most 1,000,000').default(epsilon).meta({
    label: 'ε',
    unit: 'of [0, 1]',
    help: 'An example counts as broken if its smallest perturbation is at most this large, in its norm. The perturbation is kept whatever its size.',
  });

/**
 * Candidates of a pool whose rows leave at their end, not at a success: `first` is then 0 for none, and the iteration of
 * the success plus 1.
 */
export function uncode({ candidates, nonFinite }: Found): Found {
  return {
    candidates: candidates.map((candidate) => {
      const iteration = candidate.iteration - 1;
      return { ...candidate, iteration, lastWrong: iteration >= 0 };
    }),
    nonFinite,
  };
}

type Run = (
  run: number,
  rows: readonly number[],
  restart: number,
  onWork: (done: number, left: number) => void,
) => AsyncGenerator<Found>;

/**
 * Several runs over the same rows, of which each row keeps its smallest success. A few batches of rows go through all
 * runs before the next ones begin, so that what is done comes out on the way.
 * @param isDone whether a row with this success needs no further run.
 */
export async function* bestOfRuns(
  runOf: Run,
  runs: number,
  rows: readonly number[],
  restart: number,
  options: Pick<AttackOptions, 'examples' | 'plan' | 'batchSize'>,
  isDone: (row: number, image: Float32Array) => boolean,
  onWork: (done: number, left: number) => void,
): AsyncGenerator<Found> {
  const { examples, plan, batchSize } = options;
  const size = imageSize(examples.shape);
  const work = plan.family.work(plan);
  let waiting = rows.length;
  for (const some of batchesOf(rows, 2 * batchSize)) {
    waiting -= some.length;
    const best = new Map<number, { readonly candidate: Candidate; readonly size: number }>();
    let nonFinite = 0;
    let open = some;
    for (let run = 0; run < runs && open.length > 0; run += 1) {
      const done = new Set<number>();
      const later = waiting * work + ((runs - run - 1) * open.length * work) / runs;
      for await (const found of runOf(run, open, restart, (made, left) => onWork(made, left + later))) {
        nonFinite += found.nonFinite;
        for (const candidate of found.candidates) {
          const { row, image, iteration } = candidate;
          const own = measurePerturbation(examples.images, row * size, image, 0, size, plan)[plan.norm];
          const length = iteration < 0 ? Number.POSITIVE_INFINITY : own;
          const before = best.get(row);
          if (!before || length < before.size) best.set(row, { candidate, size: length });
          if (iteration >= 0 && isDone(row, image)) done.add(row);
        }
      }
      open = open.filter((row) => !done.has(row));
    }
    yield { candidates: [...best.values()].map(({ candidate }) => candidate), nonFinite };
  }
}
