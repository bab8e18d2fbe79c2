import type Vips from 'wasm-vips';
import { AppError } from '../../../../shared/domain/errors.ts';
import { badPicture, DAMAGED, NO_PICTURE } from './head.ts';
import type { RawPicture } from './target.ts';

type Module = typeof Vips;

let loading: Promise<Module> | null = null;

/** One instance for the process: it is a quarter of a second's work to make, and keeps 64 MB. */
function load(): Promise<Module> {
  loading ??= import('wasm-vips').then(async ({ default: start }) => {
    // Without the plug-ins for HEIF, JPEG XL and SVG.
    const vips = await start({ dynamicLibraries: [], preRun: withoutWarnings });
    vips.concurrency(1);
    vips.Cache.max(0);
    return vips;
  });
  return loading;
}

/** libvips tells standard error what it makes of damaged files; they are listed with reasons anyway. */
function withoutWarnings(module: { ENV: Record<string, string> }): void {
  module.ENV['VIPS_WARNING'] = '0';
}

/**
 * All pixels of a picture by libvips, the first frame of an animation; on this thread, while it is decoded.
 * @throws AppError `bad-data` with the reason if it does not decode.
 */
export async function decodeWithVips(bytes: Uint8Array): Promise<RawPicture> {
  const vips = await load();
  let image: Vips.Image | null = null;
  try {
    image = vips.Image.newFromBuffer(bytes, '', { fail_on: 'error' });
    const { width, height, bands } = image;
    const data = image.writeToMemory();
    if (!(data instanceof Uint8Array || data instanceof Uint16Array) || bands > 4) throw badPicture(NO_PICTURE);
    return { width, height, channels: bands as RawPicture['channels'], data };
  } catch (cause) {
    throw cause instanceof AppError ? cause : badPicture(DAMAGED, cause);
  } finally {
    image?.delete();
  }
}
