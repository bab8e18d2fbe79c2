import { readFile } from 'node:fs/promises';
import { JsColorType, ResizeFilterType, ResizeFit, Transformer } from '@napi-rs/image';
import type { ImageShape } from '../../../shared/domain/shape.ts';

export interface ImageHead {
  /** Pixels, upright: EXIF rotation is taken into account. */
  readonly width: number;
  readonly height: number;
  readonly grey: boolean;
}

const GREY = new Set<JsColorType>([JsColorType.L8, JsColorType.La8, JsColorType.L16, JsColorType.La16]);
/** Luminance weights of ITU-R BT.601, which image tools use for greyscale. */
const LUMINANCE = [0.299, 0.587, 0.114] as const;

/**
 * Size and kind of an image file, from its header.
 * @throws Error of the decoder if the file is no image that it knows.
 */
export async function readImageHead(file: string): Promise<ImageHead> {
  const { width, height, colorType, orientation } = await new Transformer(await readFile(file)).metadata(true);
  const sideways = (orientation ?? 1) >= 5;
  return { width: sideways ? height : width, height: sideways ? width : height, grey: GREY.has(colorType) };
}

/**
 * An image file as bytes [height, width, channels]: upright, scaled to cover the shape and cropped to its centre,
 * transparency on black, 16-bit samples by their high byte.
 * @throws Error of the decoder if the file is damaged.
 */
export async function decodeImage(file: string, [height, width, channels]: ImageShape): Promise<Uint8Array> {
  const image = new Transformer(await readFile(file));
  const head = await image.metadata(true);
  image.rotate();
  const sideways = (head.orientation ?? 1) >= 5;
  if (head.width !== (sideways ? height : width) || head.height !== (sideways ? width : height))
    image.resize(width, height, ResizeFilterType.Lanczos3, ResizeFit.Cover);
  return toChannels(await image.rawPixels(), head.colorType, height * width, channels);
}

/** How the decoder lays out a pixel of each colour type; others (floating point) are not pictures of a data set. */
const LAYOUTS: Partial<Record<JsColorType, { readonly samples: number; readonly bytes: 1 | 2 }>> = {
  [JsColorType.L8]: { samples: 1, bytes: 1 },
  [JsColorType.La8]: { samples: 2, bytes: 1 },
  [JsColorType.Rgb8]: { samples: 3, bytes: 1 },
  [JsColorType.Rgba8]: { samples: 4, bytes: 1 },
  [JsColorType.L16]: { samples: 1, bytes: 2 },
  [JsColorType.La16]: { samples: 2, bytes: 2 },
  [JsColorType.Rgb16]: { samples: 3, bytes: 2 },
  [JsColorType.Rgba16]: { samples: 4, bytes: 2 },
};

/** Decoded samples of any layout as 8-bit grey (1) or RGB (3). */
function toChannels(raw: Buffer, colorType: JsColorType, pixels: number, channels: number): Uint8Array {
  const layout = LAYOUTS[colorType];
  if (!layout || raw.length !== pixels * layout.samples * layout.bytes) {
    throw new Error('the pixel format is not supported; save it as 8- or 16-bit grey or RGB');
  }
  const { samples, bytes } = layout;
  const colours = samples >= 3 ? 3 : 1;
  const hasAlpha = samples % 2 === 0;
  // 16-bit samples are little-endian: the high byte is the second.
  const sample = (pixel: number, channel: number): number => raw[(pixel * samples + channel) * bytes + bytes - 1] ?? 0;
  const out = new Uint8Array(pixels * channels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const alpha = hasAlpha ? sample(pixel, samples - 1) / 255 : 1;
    const rgb = [0, 1, 2].map((channel) => sample(pixel, Math.min(channel, colours - 1)) * alpha);
    if (channels === 3)
      for (let channel = 0; channel < 3; channel++) out[pixel * 3 + channel] = Math.round(rgb[channel] ?? 0);
    else
      out[pixel] = Math.round(
        colours === 1 ? (rgb[0] ?? 0) : LUMINANCE.reduce((sum, weight, i) => sum + weight * (rgb[i] ?? 0), 0),
      );
  }
  return out;
}
