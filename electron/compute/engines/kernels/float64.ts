import type { Network } from '../../models/network.ts';
import { forwardPadding } from './shapes.ts';
import type { Padding, Stride } from './names.ts';

/** A float64 array with its shape: what engines are compared with. Written to be read, not to be fast. */
export interface Grid {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function grid(shape: readonly number[], data?: ArrayLike<number>): Grid {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return { shape, data: data ? Float64Array.from(data) : new Float64Array(size) };
}

type Extents4 = readonly [number, number, number, number];

export interface Window {
  readonly pad: Padding;
  /** 1 if left out. */
  readonly stride?: Stride;
}

/** Visits every multiplication of a convolution: positions in x, filter and y. */
function eachProduct(
  x: Extents4,
  filter: Extents4,
  { stride = 1, pad }: Window,
  visit: (x: number, w: number, y: number) => void,
): Extents4 {
  const [images, height, width, inputs] = x;
  const [kernelHeight, kernelWidth, , outputs] = filter;
  const { top, bottom, left, right } = forwardPadding(filter, pad);
  const outHeight = Math.floor((height + top + bottom - kernelHeight) / stride) + 1;
  const outWidth = Math.floor((width + left + right - kernelWidth) / stride) + 1;
  for (let n = 0; n < images; n++)
    for (let h = 0; h < outHeight; h++)
      for (let w = 0; w < outWidth; w++)
        for (let a = 0; a < kernelHeight; a++)
          for (let b = 0; b < kernelWidth; b++) {
            const [row, column] = [h * stride + a - top, w * stride + b - left];
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            for (let i = 0; i < inputs; i++)
              for (let o = 0; o < outputs; o++)
                visit(
                  ((n * height + row) * width + column) * inputs + i,
                  ((a * kernelWidth + b) * inputs + i) * outputs + o,
                  ((n * outHeight + h) * outWidth + w) * outputs + o,
                );
          }
  return [images, outHeight, outWidth, outputs];
}

export function convolve(x: Grid, filter: Grid, bias: Grid, window: Window): Grid {
  const shape = eachProduct(x.shape as Extents4, filter.shape as Extents4, window, () => undefined);
  const y = grid(shape);
  y.data.forEach((_, index) => (y.data[index] = bias.data[index % (shape[3] || 1)] ?? 0));
  eachProduct(x.shape as Extents4, filter.shape as Extents4, window, (i, w, o) => {
    y.data[o] = (y.data[o] ?? 0) + (x.data[i] ?? 0) * (filter.data[w] ?? 0);
  });
  return y;
}

export function convolveGradients(x: Grid, filter: Grid, dy: Grid, window: Window): { dx: Grid; dFilter: Grid } {
  const dx = grid(x.shape);
  const dFilter = grid(filter.shape);
  eachProduct(x.shape as Extents4, filter.shape as Extents4, window, (i, w, o) => {
    dx.data[i] = (dx.data[i] ?? 0) + (dy.data[o] ?? 0) * (filter.data[w] ?? 0);
    dFilter.data[w] = (dFilter.data[w] ?? 0) + (dy.data[o] ?? 0) * (x.data[i] ?? 0);
  });
  return { dx, dFilter };
}

/** Maxima of windows with stride 2, and where in x each of them is: the first one in row-major order. */
export function pool(x: Grid, size: 2 | 3 = 2): { y: Grid; sources: Int32Array } {
  const [images, height, width, channels] = x.shape as Extents4;
  const extent = (length: number): number => (size === 2 ? Math.floor(length / 2) : Math.ceil(length / 2));
  const shape = [images, extent(height), extent(width), channels] as const;
  const y = grid(shape);
  const sources = new Int32Array(y.data.length);
  const offsets = size === 2 ? [0, 1] : [-1, 0, 1];
  y.data.forEach((_, index) => {
    const channel = index % channels;
    const column = Math.floor(index / channels) % shape[2];
    const row = Math.floor(index / channels / shape[2]) % shape[1];
    const image = Math.floor(index / channels / shape[2] / shape[1]);
    let best = -1;
    for (const a of offsets) {
      for (const b of offsets) {
        const [r, c] = [2 * row + a, 2 * column + b];
        if (r < 0 || r >= height || c < 0 || c >= width) continue;
        const at = ((image * height + r) * width + c) * channels + channel;
        if (best < 0 || (x.data[at] ?? 0) > (x.data[best] ?? 0)) best = at;
      }
    }
    sources[index] = best;
    y.data[index] = x.data[best] ?? 0;
  });
  return { y, sources };
}

export function product(x: Grid, weights: Grid, bias: Grid): Grid {
  const [rows = 0, inputs = 0] = x.shape;
  const outputs = weights.shape[1] ?? 0;
  const y = grid([rows, outputs]);
  for (let n = 0; n < rows; n++)
    for (let o = 0; o < outputs; o++) {
      let sum = bias.data[o] ?? 0;
      for (let i = 0; i < inputs; i++) sum += (x.data[n * inputs + i] ?? 0) * (weights.data[i * outputs + o] ?? 0);
      y.data[n * outputs + o] = sum;
    }
  return y;
}

/** Logits of a network of layers one after the other, and the gradients of the summed cross-entropy by all it takes. */
export function networkGradients(
  network: Network,
  weights: Readonly<Record<string, Grid>>,
  images: Grid,
  labels: readonly number[],
): { readonly logits: Grid; readonly gradients: Readonly<Record<string, Grid>> } {
  const parameter = (name: string): Grid => weights[name] ?? grid([0]);
  const backward: ((dy: Grid) => Grid)[] = [];
  const gradients: Record<string, Grid> = {};
  let value = images;
  const through = (y: Grid, relu: boolean, gradient: (dy: Grid) => Grid): void => {
    const active = y.data.map((element) => (element > 0 ? 1 : 0));
    value = relu
      ? grid(
          y.shape,
          y.data.map((element) => Math.max(0, element)),
        )
      : y;
    backward.push((dy) =>
      gradient(
        relu
          ? grid(
              dy.shape,
              dy.data.map((element, i) => element * (active[i] ?? 0)),
            )
          : dy,
      ),
    );
  };
  for (const layer of network.layers) {
    const x = value;
    if (layer.kind === 'conv') {
      const filter = parameter(`${layer.name}_w`);
      through(convolve(x, filter, parameter(`${layer.name}_b`), layer), true, (dy) => {
        const { dx, dFilter } = convolveGradients(x, filter, dy, layer);
        gradients[`${layer.name}_w`] = dFilter;
        gradients[`${layer.name}_b`] = columnSums(dy);
        return dx;
      });
    } else if (layer.kind === 'pool') {
      const { y, sources } = pool(x);
      through(y, false, (dy) => {
        const dx = grid(x.shape);
        sources.forEach((source, index) => (dx.data[source] = (dx.data[source] ?? 0) + (dy.data[index] ?? 0)));
        return dx;
      });
    } else if (layer.kind === 'dense') {
      const flat = grid([x.shape[0] ?? 0, layer.features], x.data);
      const matrix = parameter(`${layer.name}_w`);
      through(product(flat, matrix, parameter(`${layer.name}_b`)), layer.relu, (dy) => {
        const dMatrix = product(transpose(flat), dy, grid([layer.units]));
        gradients[`${layer.name}_w`] = dMatrix;
        gradients[`${layer.name}_b`] = columnSums(dy);
        return grid(x.shape, product(dy, transpose(matrix), grid([layer.features])).data);
      });
    } else {
      throw new Error(`There is no reference of ${layer.kind} layers here.`);
    }
  }
  const logits = value;
  let gradient = crossEntropyGradient(logits, labels);
  for (const step of backward.reverse()) gradient = step(gradient);
  gradients['images'] = gradient;
  return { logits, gradients };
}

/** softmax(logits) − onehot(labels). */
function crossEntropyGradient(logits: Grid, labels: readonly number[]): Grid {
  const classes = logits.shape[1] ?? 1;
  const result = grid(logits.shape);
  labels.forEach((label, row) => {
    const values = logits.data.subarray(row * classes, (row + 1) * classes);
    const largest = Math.max(...values);
    const exponentials = values.map((element) => Math.exp(element - largest));
    const sum = exponentials.reduce((total, element) => total + element, 0);
    exponentials.forEach((element, k) => (result.data[row * classes + k] = element / sum - (k === label ? 1 : 0)));
  });
  return result;
}

function columnSums(x: Grid): Grid {
  const columns = x.shape.at(-1) ?? 1;
  const sums = grid([columns]);
  x.data.forEach((element, index) => (sums.data[index % columns] = (sums.data[index % columns] ?? 0) + element));
  return sums;
}

function transpose(x: Grid): Grid {
  const [rows = 0, columns = 0] = x.shape;
  const result = grid([columns, rows]);
  x.data.forEach((element, index) => (result.data[(index % columns) * rows + Math.floor(index / columns)] = element));
  return result;
}
