/** Rows from `start` up to, but without, `end`. */
export interface Shard {
  readonly start: number;
  readonly end: number;
}

/**
 * Rows of the largest shard. Large enough that the work of a shard outweighs the calls that start its operations, small
 * enough that its activations stay in a core's cache, and that a usual batch feeds several cores.
 */
const ROWS = 16;
/**
 * The same for networks of few weights, whose operations are short, and for steps whose parts are summed: each part
 * brings a gradient as large as the weights, and batch statistics of its own.
 */
const MANY_ROWS = 32;
const FEW_WEIGHTS = 100_000;

/** @param weights elements that all shards share. @param summed whether the parts' results are added up. */
export function rowsOfShards(weights: number, summed: boolean): number {
  return summed || weights < FEW_WEIGHTS ? MANY_ROWS : ROWS;
}

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
