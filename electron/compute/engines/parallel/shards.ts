/** Rows from `start` up to, but without, `end`. */
export interface Shard {
  readonly start: number;
  readonly end: number;
}

/**
 * Rows of the largest shard. Large enough that the work of a shard outweighs the calls that start its operations, small
 * enough that its activations stay in a core's cache, and that a usual batch feeds several cores.
 */
export const SHARD_ROWS = 16;
/** The same for steps whose parts are summed: each part brings a gradient as large as the weights, and statistics of its own. */
export const SUMMED_SHARD_ROWS = 32;

/**
 * The parts in which a batch is computed: as few as the limit allows, their sizes differing by at most one. They depend
 * on nothing but these two numbers, so that sums over parts and statistics of parts are the same on every machine and
 * with any number of threads.
 */
export function shardsOf(rows: number, limit: number): readonly Shard[] {
  const count = Math.max(1, Math.ceil(rows / limit));
  const edge = (index: number): number => Math.floor((index * rows) / count);
  return Array.from({ length: count }, (_, index) => ({ start: edge(index), end: edge(index + 1) }));
}
