import type { Norm } from '../base/budget.ts';
import { boundsOf } from '../base/budget.ts';
import { gatherRows, imageSize } from '../base/examples.ts';
import type { Examples } from '../base/examples.ts';
import type { RandomStream } from '../../random/stream.ts';
import type { ImageShape } from '../../../../shared/domain/shape.ts';
import type { SquarePlan } from './square-method.ts';
import { PROPOSAL_COLUMNS } from './square-steps.ts';
import { halfFactors, pattern, WINDOW_COLUMNS } from './square-windows.ts';
import type { WindowNorm } from './square-windows.ts';

/** Queries of 10,000 after which the share of the squares is halved. */
const HALVINGS = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];
/** Tiles of the first perturbation along the height, in L2 and L1. */
const TILES = 5;

/**
 * Side of the square of a query: √(p · h · w), p halved after 10, 50, 200, 500, 1000, 2000, 4000, 6000 and 8000 of
 * 10,000 queries; stretched to the number of queries (the paper's section 5) or cut off where they end (as AutoAttack
 * calls it). Windows of L2 and L1 have odd sides of at least 3.
 */
export function squareSide(
  query: number,
  plan: Pick<SquarePlan, 'queries' | 'initialShare' | 'stretched' | 'norm'>,
  height: number,
  width: number,
): number {
  const scaled = plan.stretched ? Math.floor((query / plan.queries) * 10_000) : query;
  const halvings = HALVINGS.filter((limit) => scaled > limit).length;
  const side = Math.round(Math.sqrt((plan.initialShare / 2 ** halvings) * height * width));
  if (plan.norm === 'linf') return Math.min(Math.max(side, 1), height, width);
  const window = Math.max(side, 3);
  return Math.min(window % 2 === 0 ? window + 1 : window, height, width);
}

/** Draws proposals of one plan, each from its row's stream; the arrays have `columns` values for each. */
interface Proposals {
  readonly columns: number;
  /** Query 0 tries the start itself: a square without a side. */
  readonly drawInto: (values: Float32Array, offset: number, query: number, random: RandomStream) => void;
}

export function createProposals(plan: SquarePlan, [height, width, channels]: ImageShape): Proposals {
  const sides = Array.from({ length: plan.queries }, (_, query) => squareSide(query, plan, height, width));
  const { norm } = plan;
  const ahead = norm === 'linf' ? PROPOSAL_COLUMNS : WINDOW_COLUMNS;
  const factors = new Map<number, readonly [number, number]>();
  const factorsOf = (window: WindowNorm, side: number): readonly [number, number] => {
    const found = factors.get(side) ?? halfFactors(window, side);
    factors.set(side, found);
    return found;
  };
  return {
    columns: ahead + channels,
    drawInto(values, offset, query, random) {
      const side = query === 0 ? 0 : (sides[query] ?? 1);
      values[offset] = query;
      if (side === 0) return;
      const place = (at: number): void => {
        values[offset + at] = random.integer(height - side + 1);
        values[offset + at + 1] = random.integer(width - side + 1);
      };
      place(1);
      values[offset + 3] = side;
      if (norm !== 'linf') {
        place(4);
        const [upper, lower] = factorsOf(norm, side);
        values[offset + 6] = random.integer(2);
        values[offset + 7] = upper;
        values[offset + 8] = lower;
      }
      for (let channel = 0; channel < channels; channel += 1) values[offset + ahead + channel] = random.integer(2);
    },
  };
}

/**
 * Where the rows start, [rows, height, width, channels], before ball and box are kept.
 * L∞: x ± ε with one sign for each column and channel (section 3.3 of the paper), in [0, 1]. L2 and L1: x plus tiles of
 * the windows' pattern, turned at random, each channel of random sign (section 3.4), in L2 of length ε together.
 */
export function squareStarts(
  examples: Examples,
  rows: readonly number[],
  { norm, epsilon }: Pick<SquarePlan, 'norm' | 'epsilon'>,
  streamOf: (row: number) => RandomStream,
): Float32Array {
  const images = gatherRows(examples.images, rows, imageSize(examples.shape));
  return norm === 'linf'
    ? stripes(images, examples.shape, rows, epsilon, streamOf)
    : tiles(images, examples.shape, rows, { norm, epsilon }, streamOf);
}

function stripes(
  images: Float32Array,
  shape: ImageShape,
  rows: readonly number[],
  epsilon: number,
  streamOf: (row: number) => RandomStream,
): Float32Array {
  const size = imageSize(shape);
  const line = shape[1] * shape[2];
  const { lower, upper } = boundsOf(images, epsilon);
  const starts = new Float32Array(images.length);
  rows.forEach((row, at) => {
    const random = streamOf(row);
    const up = Array.from({ length: line }, () => random.integer(2) === 1);
    for (let position = 0; position < size; position += 1) {
      const place = at * size + position;
      starts[place] = (up[position % line] ? upper[place] : lower[place]) ?? 0;
    }
  });
  return starts;
}

function tiles(
  images: Float32Array,
  shape: ImageShape,
  rows: readonly number[],
  { norm, epsilon }: { readonly norm: Exclude<Norm, 'linf'>; readonly epsilon: number },
  streamOf: (row: number) => RandomStream,
): Float32Array {
  const [height, width, channels] = shape;
  const size = imageSize(shape);
  const side = Math.max(1, Math.min(Math.floor(height / TILES), width));
  const turns = [pattern(norm, side, false), pattern(norm, side, true)] as const;
  const firsts = (extent: number): readonly number[] => {
    const count = Math.floor(extent / side);
    const margin = Math.floor((extent - count * side) / 2);
    return Array.from({ length: count }, (_, at) => margin + at * side);
  };
  const starts = images.slice();
  rows.forEach((row, at) => {
    const random = streamOf(row);
    const change = new Float32Array(size);
    for (const top of firsts(height)) {
      for (const left of firsts(width)) {
        const eta = turns[random.integer(2)] ?? turns[0];
        for (let channel = 0; channel < channels; channel += 1) {
          const sign = random.integer(2) === 1 ? 1 : -1;
          eta.forEach((value, i) => {
            const [y, x] = [top + Math.floor(i / side), left + (i % side)];
            change[(y * width + x) * channels + channel] = sign * value;
          });
        }
      }
    }
    const length = Math.sqrt(change.reduce((sum, value) => sum + value * value, 0));
    const factor = norm === 'l2' ? epsilon / Math.max(length, 1e-12) : 1;
    change.forEach((value, i) => (starts[at * size + i] = (images[at * size + i] ?? 0) + factor * value));
  });
  return starts;
}
