import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { forward } from '../../models/network.ts';
import { asOneBatch, defineMap, repeatBatch, scoreOf, sumOverVariants } from './method.ts';
import type { MapTask } from './method.ts';

const pixels = (label: string, help: string) => ({ label, unit: 'pixels', help });

/** Scores of copies of the batch that were multiplied by masks and filled where these are 0, [copies, n]. */
function maskedScores(
  { network, weights, images, coefficients }: MapTask,
  masks: tf.Tensor3D,
  fill: number,
  probabilities: boolean,
): tf.Tensor2D {
  const [copies, height, width] = masks.shape;
  const mask = tf.reshape(masks, [copies, 1, height, width, 1]);
  const seen = tf.add(tf.mul(tf.expandDims(images, 0), mask), tf.mul(tf.sub(1, mask), fill));
  const { logits } = forward(network, weights, asOneBatch(seen));
  const values = probabilities ? tf.softmax(logits) : logits;
  return tf.reshape<tf.Rank.R2>(scoreOf(values, repeatBatch(coefficients, copies)), [copies, images.shape[0]]);
}

/** Σ over masks of score · weight-map: [n, height, width]. */
function spread(scores: tf.Tensor2D, maps: tf.Tensor3D): tf.Tensor3D {
  const [copies, height, width] = maps.shape;
  const sum = tf.matMul(tf.transpose(scores), tf.reshape(maps, [copies, height * width]));
  return tf.reshape<tf.Rank.R3>(sum, [scores.shape[1], height, width]);
}

/** First rows or columns of patches that cover `extent` from edge to edge. */
export function patchStarts(extent: number, patch: number, stride: number): readonly number[] {
  const last = Math.max(0, extent - patch);
  const starts = Array.from({ length: Math.floor(last / stride) + 1 }, (_, at) => at * stride);
  return starts.at(-1) === last ? starts : [...starts, last];
}

export const occlusion = defineMap({
  name: 'occlusion',
  label: 'Occlusion',
  summary: 'How far the score falls when a grey patch covers the place; no gradient. One pass for each patch.',
  source: 'Zeiler & Fergus 2014, arXiv 1311.2901, section 4.2; a pixel has the mean over the patches that cover it',
  level: 'input',
  signed: true,
  explains: true,
  schema: z.strictObject({
    patch: z
      .int('must be a whole number')
      .min(1, 'must be at least 1')
      .max(512, 'must be at most 512')
      .nullable()
      .default(null)
      .meta(pixels('Patch', 'Side of the patch. Empty: an eighth of the image.')),
    stride: z
      .int('must be a whole number')
      .min(1, 'must be at least 1')
      .max(512, 'must be at most 512')
      .nullable()
      .default(null)
      .meta(pixels('Stride', 'From patch to patch. Empty: half a patch.')),
    fill: z
      .number()
      .min(0, 'must be at least 0')
      .max(1, 'must be at most 1')
      .default(0.5)
      .meta({ label: 'Fill', unit: 'of [0, 1]', help: 'Grey level of the patch.' }),
  }),
  passes: (settings, { network }) => 1 + patchesOf(settings, network.inputShape).length,
  make: async (task, settings) => {
    const [, height, width] = task.images.shape;
    const patches = patchesOf(settings, [height, width]);
    const covered = coverage(patches, height, width);
    const whole = tf.tidy(() => {
      const { logits } = forward(task.network, task.weights, task.images);
      return scoreOf(logits, task.coefficients);
    });
    const sum = await sumOverVariants(task, patches.length, (first, count) => {
      const hidden = patchMasks(patches.slice(first, first + count), height, width);
      const falls = tf.sub<tf.Tensor2D>(
        tf.expandDims(whole, 0),
        maskedScores(task, tf.sub(1, hidden), settings.fill, false),
      );
      return spread(falls, hidden);
    }).finally(() => whole.dispose());
    return tf.tidy(() => {
      const map = tf.div<tf.Tensor3D>(sum, tf.tensor3d(covered, [1, height, width]));
      sum.dispose();
      return map;
    });
  },
});

interface Patch {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

function patchesOf(
  { patch, stride }: { readonly patch: number | null; readonly stride: number | null },
  [height, width]: readonly [number, number, ...number[]],
): readonly Patch[] {
  const side = patch ?? Math.max(1, Math.round(Math.max(height, width) / 8));
  const step = stride ?? Math.max(1, Math.floor(side / 2));
  const [high, wide] = [Math.min(side, height), Math.min(side, width)];
  return patchStarts(height, high, step).flatMap((top) =>
    patchStarts(width, wide, step).map((left) => ({ top, left, height: high, width: wide })),
  );
}

/** 1 inside each patch: [patches, height, width]. */
function patchMasks(patches: readonly Patch[], height: number, width: number): tf.Tensor3D {
  const values = new Float32Array(patches.length * height * width);
  patches.forEach((patch, at) => {
    for (let row = patch.top; row < patch.top + patch.height; row += 1) {
      const start = (at * height + row) * width + patch.left;
      values.fill(1, start, start + patch.width);
    }
  });
  return tf.tensor3d(values, [patches.length, height, width]);
}

/** How many patches cover each pixel, [height · width]. */
function coverage(patches: readonly Patch[], height: number, width: number): Float32Array {
  const counts = new Float32Array(height * width);
  for (const patch of patches) {
    for (let row = patch.top; row < patch.top + patch.height; row += 1) {
      for (let column = patch.left; column < patch.left + patch.width; column += 1) {
        counts[row * width + column] = (counts[row * width + column] ?? 0) + 1;
      }
    }
  }
  return counts;
}

export const rise = defineMap({
  name: 'rise',
  label: 'RISE',
  summary: 'The mean probability over random masks that leave the place visible; no gradient. One pass for each mask.',
  source: 'Petsiuk et al. 2018, arXiv 1806.07421, eq. 6 and section 3.2; a margin is one of probabilities',
  level: 'input',
  signed: false,
  explains: true,
  schema: z.strictObject({
    masks: z
      .int('must be a whole number')
      .min(10, 'must be at least 10')
      .max(20_000, 'must be at most 20,000')
      .default(1000)
      .meta({ label: 'Masks', help: 'The paper takes 4,000 to 8,000.' }),
    cells: z
      .int('must be a whole number')
      .min(2, 'must be at least 2')
      .max(32, 'must be at most 32')
      .default(7)
      .meta({ label: 'Cells', help: 'Cells of a mask along a side.' }),
    visible: z
      .number()
      .min(0.05, 'must be at least 0.05')
      .max(0.95, 'must be at most 0.95')
      .default(0.5)
      .meta({ label: 'Visible', help: 'Share of the cells that is left visible, p.' }),
  }),
  passes: ({ masks }) => masks,
  make: async (task, { masks, cells, visible }) => {
    const [, height, width] = task.images.shape;
    const sum = await sumOverVariants(task, masks, (first, count) => {
      const drawn = randomMasks(task, first, count, [height, width], cells, visible);
      return spread(maskedScores(task, drawn, 0, true), drawn);
    });
    return tf.tidy(() => {
      const map = tf.div<tf.Tensor3D>(sum, masks * visible);
      sum.dispose();
      return map;
    });
  },
});

/**
 * Random cells, enlarged by bilinear interpolation and cut out at a random place within one cell: [count, height, width].
 * Each mask has a stream of its own, the same for all images.
 */
function randomMasks(
  task: MapTask,
  first: number,
  count: number,
  [height, width]: readonly [number, number],
  cells: number,
  visible: number,
): tf.Tensor3D {
  const [cellHeight, cellWidth] = [Math.ceil(height / cells), Math.ceil(width / cells)];
  const masks = Array.from({ length: count }, (_, at) => {
    const random = task.random('rise', first + at);
    const grid = Float32Array.from({ length: cells * cells }, () => (random.uniform() < visible ? 1 : 0));
    const large = tf.image.resizeBilinear(
      tf.tensor4d(grid, [1, cells, cells, 1]),
      [(cells + 1) * cellHeight, (cells + 1) * cellWidth],
      false,
      true,
    );
    const from = [0, random.integer(cellHeight), random.integer(cellWidth), 0];
    return tf.reshape(tf.slice(large, from, [1, height, width, 1]), [height, width]);
  });
  return tf.stack(masks) as tf.Tensor3D;
}
