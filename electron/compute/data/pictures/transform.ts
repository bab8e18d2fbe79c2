import { isSideways, type Orientation } from './exif.ts';
import { isCopy, place, type Placement } from './geometry.ts';
import { resample, type Grid } from './resample.ts';
import { colourOf, luminance, type RawPicture, type Samples, type Target } from './target.ts';

/** Greatest sample of a form. */
const topOf = (data: Samples): number =>
  data instanceof Float32Array ? 1 : data instanceof Uint16Array ? 65_535 : 255;

/** Where a picture that has to be turned lies in a target; width and height of the target as the picture is stored. */
export function placeTurned(width: number, height: number, orientation: Orientation, target: Target): Placement {
  const turned = isSideways(orientation) ? { ...target, width: target.height, height: target.width } : target;
  return place(width, height, turned);
}

/**
 * A decoded picture as the target wants it: [height, width, channels] of bytes 0…255, or float32 in [0, 1].
 * Transparency lies on black, on the pad colour where the picture is padded. 16-bit samples become bytes by their upper 8
 * bits. Where no pixel is scaled every sample stays what it was.
 */
export function transform(raw: RawPicture, orientation: Orientation, target: Target): Uint8Array | Float32Array {
  const placement = placeTurned(raw.width, raw.height, orientation, target);
  const narrow =
    target.depth === 'u8' && raw.data instanceof Uint16Array ? { ...raw, data: upperBytes(raw.data) } : raw;
  const opaque = flatten(narrow, target);
  const grid: Grid = isCopy(placement)
    ? cut(opaque, placement)
    : {
        data: raise(resample(opaque, placement.box, placement.width, placement.height, target.filter), raw.tooLow),
        width: placement.width,
        height: placement.height,
        channels: opaque.channels,
      };
  const upright = turn(grid, orientation);
  const finished = finish(upright, topOf(narrow.data), target);
  const isWhole = upright.width === target.width && upright.height === target.height;
  return isWhole ? finished : pad(finished, upright, target);
}

/** Black stays black. */
function raise(data: Float32Array, tooLow: readonly number[] | undefined): Float32Array {
  if (tooLow === undefined) return data;
  const channels = tooLow.length;
  for (let at = 0; at < data.length; at++) {
    const value = data[at] ?? 0;
    if (value >= 1) data[at] = value + (tooLow[at % channels] ?? 0);
  }
  return data;
}

function upperBytes(data: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) bytes[i] = (data[i] ?? 0) >> 8;
  return bytes;
}

/** Without alpha: on the background. */
function flatten(raw: RawPicture, target: Target): Grid {
  if (raw.channels === 1 || raw.channels === 3) return raw;
  const { width, height, data } = raw;
  const top = topOf(data);
  const colours = raw.channels - 1;
  const background = (target.fit === 'pad' ? backgroundOf(target, colours) : [0, 0, 0]).map((value) => value * top);
  const isFloat = data instanceof Float32Array;
  const length = width * height * colours;
  const out = isFloat ? new Float32Array(length) : top > 255 ? new Uint16Array(length) : new Uint8Array(length);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const alpha = (data[pixel * raw.channels + colours] ?? 0) / top;
    for (let channel = 0; channel < colours; channel++) {
      const value = alpha * (data[pixel * raw.channels + channel] ?? 0) + (1 - alpha) * (background[channel] ?? 0);
      out[pixel * colours + channel] = isFloat ? value : value + 0.5;
    }
  }
  return { width, height, channels: colours, data: out };
}

/** The pad colour as channels in [0, 1]. */
function backgroundOf(target: Target, channels: number): readonly number[] {
  const [red, green, blue] = colourOf(target.padColour);
  return (channels === 1 ? [luminance(red, green, blue)] : [red, green, blue]).map((value) => value / 255);
}

function cut(source: Grid, { box, width, height }: Placement): Grid {
  if (width === source.width && height === source.height) return source;
  const { data, channels } = source;
  const out = data.slice(0, width * height * channels);
  for (let y = 0; y < height; y++) {
    const from = ((box.top + y) * source.width + box.left) * channels;
    out.set(data.subarray(from, from + width * channels), y * width * channels);
  }
  return { data: out, width, height, channels };
}

/** Turned upright as EXIF says. */
export function turn(source: Grid, orientation: Orientation): Grid {
  if (orientation === 1) return source;
  const { data, channels } = source;
  const sideways = isSideways(orientation);
  const width = sideways ? source.height : source.width;
  const height = sideways ? source.width : source.height;
  const mirroredX = orientation === 2 || orientation === 3 || orientation === 7 || orientation === 8;
  const mirroredY = orientation === 3 || orientation === 4 || orientation === 6 || orientation === 7;
  const out = data.slice();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [column, row] = sideways ? [y, x] : [x, y];
      const sourceX = mirroredX ? source.width - 1 - column : column;
      const sourceY = mirroredY ? source.height - 1 - row : row;
      const from = (sourceY * source.width + sourceX) * channels;
      for (let channel = 0; channel < channels; channel++) {
        out[(y * width + x) * channels + channel] = data[from + channel] ?? 0;
      }
    }
  }
  return { data: out, width, height, channels };
}

/** In the target's channels and depth; `top` is the greatest sample. Samples that a kernel drove beyond the range are cut. */
function finish(source: Grid, top: number, { channels, depth }: Target): Uint8Array | Float32Array {
  const { data, width, height } = source;
  const pixels = width * height;
  if (depth === 'u8' && data instanceof Uint8Array && source.channels === channels) return data;
  const scale = (depth === 'u8' ? 255 : 1) / top;
  const isExact = data instanceof Uint8Array && depth === 'u8';
  const out = depth === 'u8' ? new Uint8Array(pixels * channels) : new Float32Array(pixels * channels);
  const most = depth === 'u8' ? 255 : 1;
  const rounding = depth === 'u8' ? 0.5 : 0;
  const put = (at: number, value: number): void => {
    out[at] = Math.min(most, Math.max(0, value * scale)) + rounding;
  };
  if (source.channels === channels) {
    for (let at = 0; at < out.length; at++) put(at, data[at] ?? 0);
    return out;
  }
  for (let pixel = 0; pixel < pixels; pixel++) {
    if (channels === 3) {
      const value = data[pixel] ?? 0;
      put(pixel * 3, value);
      put(pixel * 3 + 1, value);
      put(pixel * 3 + 2, value);
      continue;
    }
    const [red, green, blue] = [data[pixel * 3] ?? 0, data[pixel * 3 + 1] ?? 0, data[pixel * 3 + 2] ?? 0];
    if (isExact) out[pixel] = luminance(red, green, blue);
    else put(pixel, 0.299 * red + 0.587 * green + 0.114 * blue);
  }
  return out;
}

function pad<T extends Uint8Array | Float32Array>(pixels: T, { width, height }: Grid, target: Target): T {
  const { channels } = target;
  const most = target.depth === 'u8' ? 255 : 1;
  const colour = backgroundOf(target, channels).map((value) => value * most);
  const length = target.width * target.height * channels;
  const out = (target.depth === 'u8' ? new Uint8Array(length) : new Float32Array(length)) as T;
  for (let at = 0; at < length; at++) out[at] = colour[at % channels] ?? 0;
  const left = Math.floor((target.width - width) / 2);
  const top = Math.floor((target.height - height) / 2);
  for (let y = 0; y < height; y++) {
    out.set(
      pixels.subarray(y * width * channels, (y + 1) * width * channels),
      ((top + y) * target.width + left) * channels,
    );
  }
  return out;
}
