import { badData } from './byte-stream.ts';
import { ELEMENT_BYTES } from './elements.ts';
import type { StoredArray } from './stored.ts';
import type { ImageShape } from '../../../shared/domain/shape.ts';

/** Where the pixels of images lie in an array. */
export interface ImageLayout {
  readonly images: number;
  readonly shape: ImageShape;
  /** Elements from one image, row, column and channel to the next. */
  readonly strides: {
    readonly image: number;
    readonly row: number;
    readonly column: number;
    readonly channel: number;
  };
  /** What was taken for granted about its axes; null where nothing was. */
  readonly note: string | null;
}

interface Axis {
  readonly extent: number;
  readonly stride: number;
}

/**
 * Finds the axes of an array of images. The axis of images is the one with as many positions as there are labels: the first
 * of row-major arrays (NumPy), the last of column-major ones (MATLAB) where both fit. The rest are rows and columns, or
 * rows, columns and channels, or channels, rows and columns, or one axis of pixels: planes of 3 channels of a square, or one
 * channel of a square.
 * @throws AppError `bad-data` with the shape, if it can be none of these.
 */
export function imageLayout(array: StoredArray, labels: number): ImageLayout {
  const axes = axesOf(array);
  const order = array.columnMajor ? [axes.length - 1, 0] : [0, axes.length - 1];
  const position = order.find((axis) => axes[axis]?.extent === labels);
  const image = position === undefined ? undefined : axes[position];
  if (position === undefined || !image) {
    throw badData(
      array.name,
      `has the shape ${shapeText(array)}, of which neither end has ${labels} images, as labels say`,
    );
  }
  if (labels === 0) throw badData(array.name, 'holds no images');
  const rest = axes.filter((_, axis) => axis !== position);
  const found = rest.length === 1 ? squareOf(rest[0]) : rest.length === 2 ? greyOf(rest) : colourOf(array, rest);
  if (!found || found.row.extent < 1 || found.column.extent < 1) throw noImages(array);
  return {
    images: labels,
    shape: [found.row.extent, found.column.extent, found.channel.extent],
    strides: {
      image: image.stride,
      row: found.row.stride,
      column: found.column.stride,
      channel: found.channel.stride,
    },
    note: found.note === null ? null : `${array.name} has the shape ${shapeText(array)}: ${found.note}`,
  };
}

/** Bytes of one image as it is kept, and whether images follow one another in the file. */
export function imageRecord(
  array: StoredArray,
  layout: ImageLayout,
): { readonly stride: number; readonly inRow: boolean } {
  const [height, width, channels] = layout.shape;
  const elements = height * width * channels;
  return { stride: elements * ELEMENT_BYTES[array.stored], inRow: layout.strides.image === elements };
}

interface Found {
  readonly row: Axis;
  readonly column: Axis;
  readonly channel: Axis;
  readonly note: string | null;
}

const ONE_CHANNEL: Axis = { extent: 1, stride: 1 };

function axesOf({ shape, columnMajor }: StoredArray): Axis[] {
  let stride = 1;
  const fastestFirst = (columnMajor ? [...shape] : [...shape].reverse()).map((extent) => {
    const axis = { extent, stride };
    stride *= extent;
    return axis;
  });
  return columnMajor ? fastestFirst : fastestFirst.reverse();
}

function greyOf([row, column]: readonly Axis[]): Found | null {
  return row && column ? { row, column, channel: ONE_CHANNEL, note: null } : null;
}

function colourOf(array: StoredArray, [first, second, third]: readonly Axis[]): Found | null {
  if (!first || !second || !third || array.shape.length !== 4) return null;
  const isChannels = ({ extent }: Axis): boolean => extent === 1 || extent === 3;
  const square = (a: Axis, b: Axis): boolean => a.extent === b.extent;
  const lastFits = isChannels(third);
  // Both ends could be the channels: the reading with square images, else the common order.
  const firstOnly = isChannels(first) && (!lastFits || (square(second, third) && !square(first, second)));
  if (firstOnly) {
    const note = 'its channels come first (as in PyTorch), and were moved to the end.';
    return { row: second, column: third, channel: first, note };
  }
  return lastFits ? { row: first, column: second, channel: third, note: null } : null;
}

/** One axis of pixels. */
function squareOf(axis: Axis | undefined): Found | null {
  if (!axis) return null;
  const grey = Math.sqrt(axis.extent);
  const plane = Math.sqrt(axis.extent / 3);
  const side = Number.isInteger(grey) ? grey : plane;
  if (!Number.isInteger(side) || side < 2) return null;
  const channels = side === grey ? 1 : 3;
  const kind = channels === 1 ? 'grey images' : 'red, green and blue planes (as in CIFAR)';
  return {
    row: { extent: side, stride: side * axis.stride },
    column: { extent: side, stride: axis.stride },
    channel: { extent: channels, stride: side * side * axis.stride },
    note: `${axis.extent} numbers for an image were taken as ${kind} of ${side}×${side}, row by row.`,
  };
}

function shapeText({ shape }: StoredArray): string {
  return `[${shape.join(', ')}]`;
}

function noImages(array: StoredArray): Error {
  return badData(
    array.name,
    `has the shape ${shapeText(array)}, where [images, height, width], or that with 1 or 3 channels at the end, was expected. Reshape it and save it again`,
  );
}
