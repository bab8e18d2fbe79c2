import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageShape } from '../../../shared/domain/shape.ts';
import { writeAtomic, writeError } from '../arrays/atomic.ts';
import { formatNpy, type NpyArray } from '../arrays/npy.ts';
import type { View } from './maps.ts';
import { findMapMethod } from './methods/registry.ts';

/** What one model sees in the three versions of the images. */
export interface Views {
  readonly clean: View;
  readonly adversarial: View;
  readonly noise: View;
}

export interface GalleryArrays {
  readonly shape: ImageShape;
  /** x', [rows, height, width, channels] */
  readonly images: Float32Array;
  readonly views: Views;
  /** [height, width] of the layer */
  readonly resolution: readonly [number, number];
  /** One key area for each row, [height · width], at the layer's resolution, and at the images' where there are maps of it. */
  readonly areas: { readonly layer: readonly Uint8Array[]; readonly input?: readonly Uint8Array[] };
}

/**
 * Writes one model's arrays of a gallery into `<folder>/<model>/`, as shared/domain/gallery.ts names them.
 * @throws AppError `library-full`, `library-read-only`, `io`.
 */
export async function writeGalleryArrays(folder: string, model: string, arrays: GalleryArrays): Promise<void> {
  const into = join(folder, model);
  await mkdir(into, { recursive: true }).catch((cause: unknown) => {
    throw writeError(into, cause);
  });
  const { shape, images, views, resolution, areas } = arrays;
  const rows = areas.layer.length;
  const [height, width] = shape;
  const extents = { layer: resolution, input: [height, width] } as const;
  const write = (name: string, array: NpyArray): Promise<void> =>
    writeAtomic(join(into, `${name}.npy`), formatNpy(array));

  await write('images-adversarial', { dtype: 'f32', shape: [rows, ...shape], data: images });
  for (const [version, { maps }] of Object.entries(views) as [keyof Views, View][]) {
    for (const [method, { values }] of Object.entries(maps)) {
      const { level } = findMapMethod(method);
      await write(`map-${method}-${version}`, { dtype: 'f32', shape: [rows, ...extents[level]], data: values });
    }
  }
  for (const [level, name] of [
    ['layer', 'key-area'],
    ['input', 'key-area-input'],
  ] as const) {
    const own = areas[level];
    if (!own) continue;
    const key = Uint8Array.from(own.flatMap((area) => Array.from(area)));
    await write(name, { dtype: 'u8', shape: [rows, ...extents[level]], data: key });
  }
}
