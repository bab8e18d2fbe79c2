import type { Padding } from './names.ts';

/** Zero rows and columns around the input of a convolution. */
export interface ConvPadding {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** The padding of the forward convolution; `same` puts the odd one of an even kernel at the end, as TensorFlow does. */
export function forwardPadding(filter: readonly number[], pad: Padding): ConvPadding {
  const [height = 1, width = 1] = filter;
  if (pad === 'valid') return { top: 0, bottom: 0, left: 0, right: 0 };
  const top = Math.floor((height - 1) / 2);
  const left = Math.floor((width - 1) / 2);
  return { top, bottom: height - 1 - top, left, right: width - 1 - left };
}

/** The padding with which, at stride 1, a convolution of dy with the flipped filter gives dx. */
export function backwardPadding(filter: readonly number[], pad: Padding): ConvPadding {
  const [height = 1, width = 1] = filter;
  const { top, bottom, left, right } = forwardPadding(filter, pad);
  return { top: height - 1 - top, bottom: height - 1 - bottom, left: width - 1 - left, right: width - 1 - right };
}

/** Rows or columns that come out where `extent` go in: {@link Padding} says how many zeros there are. */
export function convExtent(extent: number, kernel: number, stride: number, pad: Padding): number {
  return Math.floor((extent - (pad === 'same' ? 1 : kernel)) / stride) + 1;
}

/** Rows or columns of windows of a pooling with stride 2. */
export function pooledExtent(extent: number, size: 2 | 3): number {
  return size === 2 ? Math.floor(extent / 2) : Math.ceil(extent / 2);
}
