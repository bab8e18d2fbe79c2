import * as tf from '@tensorflow/tfjs-core';

/**
 * Filters of features (Xie et al. 2019, arXiv 1812.03411, sections 4.1 to 4.4): non-local means with softmax over embedded
 * features (Gaussian) or with dot products, a bilateral filter of 3×3 with softmax over embedded features, and mean and
 * median filters of 3×3.
 */
export const DENOISE_METHODS = ['non-local-softmax', 'non-local-dot', 'bilateral', 'mean', 'median'] as const;
export type DenoiseMethod = (typeof DENOISE_METHODS)[number];

/** Whether the method weighs positions by two embeddings of the features. */
export function isEmbedded(method: DenoiseMethod): boolean {
  return method === 'non-local-softmax' || method === 'bilateral';
}

/** Channels of each embedding of features of so many, as in the authors' code. */
export function embeddingChannels(channels: number): number {
  return Math.max(1, Math.floor(channels / 2));
}

/** Positions of a window of 3×3, in row-major order. */
export const WINDOW = [0, 1, 2].flatMap((row) => [0, 1, 2].map((column) => [row, column] as const));

/** Weighs nothing in a softmax. */
export const NOWHERE = -1e9;

/**
 * The filtered features. Windows that reach beyond the image leave out what is there (mean, bilateral) or repeat the
 * border (median). Differentiable; call inside a `tidy`.
 * @param x [n, h, w, c]
 * @param embeddings θ and φ [n, h, w, d] for the methods of {@link isEmbedded}
 * @returns [n, h, w, c]
 */
export function denoise(x: tf.Tensor4D, embeddings: readonly tf.Tensor4D[], method: DenoiseMethod): tf.Tensor4D {
  switch (method) {
    case 'non-local-softmax':
      return nonLocalSoftmax(x, ...(embeddings as [tf.Tensor4D, tf.Tensor4D]));
    case 'non-local-dot':
      return nonLocalDot(x);
    case 'bilateral':
      return bilateral(x, ...(embeddings as [tf.Tensor4D, tf.Tensor4D]));
    case 'mean':
      return mean(x);
    case 'median':
      return median(x);
  }
}

/** yᵢ = Σⱼ softmaxⱼ(θᵢ · φⱼ / √d) xⱼ over all positions j (eq. 1 with the Gaussian weights of section 4.1). */
function nonLocalSoftmax(x: tf.Tensor4D, theta: tf.Tensor4D, phi: tf.Tensor4D): tf.Tensor4D {
  const scores = tf.matMul(positions(theta), positions(phi), false, true);
  const weights = tf.softmax(tf.mul(scores, 1 / Math.sqrt(theta.shape[3])), 2);
  return tf.reshape(tf.matMul(weights, positions(x)), x.shape);
}

/** yᵢ = Σⱼ (xᵢ · xⱼ) xⱼ / N over all N positions (eq. 1 with dot products): x (xᵀ x) / N. */
function nonLocalDot(x: tf.Tensor4D): tf.Tensor4D {
  const rows = positions(x);
  const products = tf.matMul(rows, rows, true, false);
  const count = x.shape[1] * x.shape[2];
  return tf.reshape(tf.matMul(rows, tf.mul(products, 1 / count)), x.shape);
}

/** [n, h, w, c] → [n, h · w, c] */
function positions(x: tf.Tensor4D): tf.Tensor3D {
  const [n, height, width, channels] = x.shape;
  return tf.reshape(x, [n, height * width, channels]);
}

/** yᵢ = Σⱼ softmaxⱼ(θᵢ · φⱼ / √d) xⱼ over the window around i (section 4.2). */
function bilateral(x: tf.Tensor4D, theta: tf.Tensor4D, phi: tf.Tensor4D): tf.Tensor4D {
  const [, height, width] = x.shape;
  const scores = shifted(zeroBorder(phi), phi).map((part) => tf.sum(tf.mul(theta, part), 3, true));
  const outside = tf.tensor4d(outsideOfWindows(height, width, NOWHERE), [1, height, width, WINDOW.length]);
  const scaled = tf.mul(tf.concat(scores, 3), 1 / Math.sqrt(theta.shape[3]));
  const weights = tf.split(tf.softmax(tf.add(scaled, outside), 3), WINDOW.length, 3);
  const parts = shifted(zeroBorder(x), x).map((part, at) => tf.mul(part, weights[at] as tf.Tensor));
  return tf.addN(parts) as tf.Tensor4D;
}

function mean(x: tf.Tensor4D): tf.Tensor4D {
  const [, height, width] = x.shape;
  const outside = outsideOfWindows(height, width, 1);
  const shares = Float32Array.from({ length: height * width }, (_, at) => {
    const start = at * WINDOW.length;
    return 1 / (WINDOW.length - outside.subarray(start, start + WINDOW.length).reduce((sum, one) => sum + one, 0));
  });
  return tf.mul(tf.addN(shifted(zeroBorder(x), x)), tf.tensor4d(shares, [1, height, width, 1]));
}

/**
 * Exchanges that leave the median of nine at place 4 (Paeth, "Median Finding on a 3×3 Grid", Graphics Gems 1990, in the
 * form of Devillard 1998): of each pair the smaller one goes to the first place.
 */
export const MEDIAN_EXCHANGES: readonly (readonly [number, number])[] = [
  [1, 2],
  [4, 5],
  [7, 8],
  [0, 1],
  [3, 4],
  [6, 7],
  [1, 2],
  [4, 5],
  [7, 8],
  [0, 3],
  [5, 8],
  [4, 7],
  [3, 6],
  [1, 4],
  [2, 5],
  [4, 7],
  [4, 2],
  [6, 4],
  [4, 2],
];
/** Where the median is after them. */
export const MEDIAN_PLACE = 4;

function median(x: tf.Tensor4D): tf.Tensor4D {
  const values: tf.Tensor[] = shifted(repeatedBorder(x), x);
  for (const [low, high] of MEDIAN_EXCHANGES) {
    const [a, b] = [values[low] as tf.Tensor, values[high] as tf.Tensor];
    values[low] = tf.minimum(a, b);
    values[high] = tf.maximum(a, b);
  }
  return values[MEDIAN_PLACE] as tf.Tensor4D;
}

/** The images as each place of a window sees them, from images with a border of one. */
function shifted(bordered: tf.Tensor4D, { shape }: tf.Tensor4D): tf.Tensor4D[] {
  return WINDOW.map(([row, column]) => tf.slice(bordered, [0, row, column, 0], shape));
}

function zeroBorder(x: tf.Tensor4D): tf.Tensor4D {
  return tf.pad4d(x, [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ]);
}

function repeatedBorder(x: tf.Tensor4D): tf.Tensor4D {
  const around = (images: tf.Tensor4D, axis: 1 | 2): tf.Tensor4D => {
    const extent = images.shape[axis];
    const line = (at: number): tf.Tensor4D => {
      const begin = [0, 0, 0, 0].with(axis, at) as [number, number, number, number];
      return tf.slice(images, begin, images.shape.with(axis, 1));
    };
    return tf.concat([line(0), images, line(extent - 1)], axis);
  };
  return around(around(x, 1), 2);
}

/** For each position and place of its window, `value` where that lies outside of the image, else 0. */
export function outsideOfWindows(height: number, width: number, value: number): Float32Array {
  const outside = new Float32Array(height * width * WINDOW.length);
  outside.forEach((_, index) => {
    const at = Math.floor(index / WINDOW.length);
    const [row = 0, column = 0] = WINDOW[index % WINDOW.length] ?? [];
    const [r, c] = [Math.floor(at / width) + row - 1, (at % width) + column - 1];
    if (r < 0 || r >= height || c < 0 || c >= width) outside[index] = value;
  });
  return outside;
}
