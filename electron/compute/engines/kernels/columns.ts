import * as tf from '@tensorflow/tfjs-core';
import type { Padding, Stride } from './names.ts';
import { forwardPadding, type ConvPadding } from './shapes.ts';

type Shape4 = readonly [number, number, number, number];

/**
 * A convolution's windows as rows of a matrix, so that the convolution is one product (Chellapilla et al. 2006).
 * @param x [n, h, w, in]
 * @param output [h', w'] of the convolution
 * @returns [n · h' · w', kh · kw · in]. Call inside a `tidy`.
 */
export function windowsOf(
  x: tf.Tensor4D,
  filter: Shape4,
  output: readonly [number, number],
  stride: Stride,
  pad: Padding,
): tf.Tensor2D {
  const [n, , , channels] = x.shape;
  const [kernelHeight, kernelWidth] = filter;
  const [height, width] = output;
  if (kernelHeight * kernelWidth * stride === 1) return tf.reshape(x, [n * height * width, channels]);
  const { top, left } = forwardPadding(filter, pad);
  // Extents that hold every window, in whole strides.
  const rows = (height + Math.ceil(kernelHeight / stride) - 1) * stride;
  const columns = (width + Math.ceil(kernelWidth / stride) - 1) * stride;
  const framed = fitted(x, [top, left], [rows, columns]);
  const cells = tf.reshape(framed, [n, rows / stride, stride, columns / stride, stride * channels]);
  const parts: tf.Tensor[] = [];
  for (let row = 0; row < kernelHeight; row++) {
    for (let column = 0; column < kernelWidth; column++) {
      const start = [
        0,
        Math.floor(row / stride),
        row % stride,
        Math.floor(column / stride),
        (column % stride) * channels,
      ];
      parts.push(tf.slice(cells, start, [n, height, 1, width, channels]));
    }
  }
  const side = [n * height * width, kernelHeight * kernelWidth * channels] as const;
  return tf.reshape<tf.Rank.R2>(tf.concat(parts, 4), [...side]);
}

/**
 * The adjoint of {@link windowsOf}: each element of a window's row is added to where it came from.
 * @param windows [n · h' · w', kh · kw · in]
 * @param input [n, h, w, in]
 * @returns of the input's shape. Call inside a `tidy`.
 */
export function addWindows(
  windows: tf.Tensor2D,
  filter: Shape4,
  input: Shape4,
  output: readonly [number, number],
  stride: Stride,
  pad: Padding,
): tf.Tensor4D {
  const [n, inputHeight, inputWidth, channels] = input;
  const [kernelHeight, kernelWidth] = filter;
  const [height, width] = output;
  if (kernelHeight * kernelWidth * stride === 1) return tf.reshape(windows, [...input]);
  const { top, left } = forwardPadding(filter, pad);
  const cellRows = height + Math.ceil(kernelHeight / stride) - 1;
  const cellColumns = width + Math.ceil(kernelWidth / stride) - 1;
  const cells = tf.reshape(windows, [n, height, width, kernelHeight * kernelWidth * channels]);
  /** Sum of the windows' elements that fall on one place within each cell of stride × stride. */
  const place = (rowPhase: number, columnPhase: number): tf.Tensor => {
    const parts: tf.Tensor4D[] = [];
    for (let row = rowPhase; row < kernelHeight; row += stride) {
      for (let column = columnPhase; column < kernelWidth; column += stride) {
        const tap = (row * kernelWidth + column) * channels;
        const part = tf.slice<tf.Rank.R4, tf.Tensor4D>(
          cells as tf.Tensor4D,
          [0, 0, 0, tap],
          [n, height, width, channels],
        );
        const [down, right] = [(row - rowPhase) / stride, (column - columnPhase) / stride];
        parts.push(fitted(part, [down, right], [cellRows, cellColumns]));
      }
    }
    return parts.length > 0 ? tf.addN(parts) : tf.zeros([n, cellRows, cellColumns, channels]);
  };
  const phases = Array.from({ length: stride }, (_, phase) => phase);
  const lines = phases.map((row) => {
    const line = phases.map((column) => place(row, column));
    return tf.reshape(stride === 1 ? (line[0] as tf.Tensor) : tf.concat(line, 3), [n, cellRows, 1, -1]);
  });
  const framed = tf.reshape(stride === 1 ? (lines[0] as tf.Tensor) : tf.concat(lines, 2), [
    n,
    cellRows * stride,
    cellColumns * stride,
    channels,
  ]);
  return fitted(framed as tf.Tensor4D, [-top, -left], [inputHeight, inputWidth]);
}

/** The images moved by so many rows and columns in an area of the given extents: zeros around, what is outside cut off. */
function fitted(
  images: tf.Tensor4D,
  [down, right]: readonly [number, number],
  [height, width]: readonly [number, number],
): tf.Tensor4D {
  const [n, rows, columns, channels] = images.shape;
  const first = [Math.max(0, -down), Math.max(0, -right)] as const;
  const kept = [Math.min(rows, height - down) - first[0], Math.min(columns, width - right) - first[1]] as const;
  const whole = kept[0] === rows && kept[1] === columns;
  const part = whole ? images : tf.slice(images, [0, ...first, 0], [n, ...kept, channels]);
  const [top, left] = [Math.max(0, down), Math.max(0, right)];
  return padImages(part, { top, left, bottom: height - top - kept[0], right: width - left - kept[1] });
}

/** Zeros around images. Returns the images themselves where there is nothing to add. */
export function padImages(images: tf.Tensor4D, { top, bottom, left, right }: ConvPadding): tf.Tensor4D {
  if (top === 0 && bottom === 0 && left === 0 && right === 0) return images;
  return tf.pad4d(images, [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]);
}

/** Rows and columns `stride` apart, zeros between them: [n, h, w, c] → [n, (h − 1) · stride + 1, …, c]. */
export function spread(images: tf.Tensor4D, stride: number): tf.Tensor4D {
  if (stride === 1) return images;
  return tf.tidy(() => {
    const [n, height, width, channels] = images.shape;
    const cells = tf.reshape<tf.Rank.R4>(images, [n * height, 1, width, channels]);
    const rows = tf.reshape(padRows(cells, stride - 1), [n, height * stride, width, channels]);
    const columns = tf.reshape(rows, [n * height * stride * width, 1, 1, channels]);
    const all = tf.reshape(padRows(columns as tf.Tensor4D, stride - 1), [n, height * stride, width * stride, channels]);
    return tf.slice(all as tf.Tensor4D, 0, [n, (height - 1) * stride + 1, (width - 1) * stride + 1, channels]);
  });
}

function padRows(images: tf.Tensor4D, rows: number): tf.Tensor4D {
  return padImages(images, { top: 0, bottom: rows, left: 0, right: 0 });
}
