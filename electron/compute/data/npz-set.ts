import { basename } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../../shared/domain/errors.ts';
import type { ImageShape } from '../../../shared/domain/shape.ts';
import type { NpyArray } from '../arrays/npy.ts';
import { readNpz } from '../arrays/npz.ts';
import type { NpzArrays } from '../arrays/npz.ts';
import type { DecodedBlock, ImageSource } from './source.ts';

/** Images of one block that goes to disk at once. */
const BLOCK = 256;
/** What float32 rounding may put beyond [0, 1]. */
const SLACK = 1e-6;

const namedClasses = z.looseObject({ classes: z.array(z.string()) });

/**
 * An NPZ file with images and labels as a test set, such as a saved adversarial set: `adversarial` or `images`,
 * [n, height, width, channels] or [n, height, width], as bytes or as floats in [0, 1], and whole `labels` [n]. Floats
 * stay float32: rounding to 8 bits can undo an attack. Classes are those of `settings` if it names them, else as many as
 * `logits_clean` has, else up to the largest label; all keep their numbers.
 * @throws AppError `bad-data` that names the file and what is wrong in it.
 */
export async function openNpz(path: string): Promise<ImageSource> {
  const arrays = await readNpz(path);
  const name = arrays['adversarial'] ? 'adversarial' : 'images';
  const found = arrays[name];
  if (!found) throw bad(path, `has no array "adversarial" or "images" (it has ${Object.keys(arrays).join(', ')})`);
  const { shape, pixels } = readPixels(path, name, found);
  const labels = readLabels(path, arrays['labels'], found.shape[0] ?? 0);
  const classes = classesOf(path, arrays, labels);
  return {
    kind: 'npz',
    paths: [path],
    suggestedName: basename(path).replace(/\.npz$/i, ''),
    shape,
    pixels: pixels instanceof Float32Array ? 'f32' : 'u8',
    keepsClasses: true,
    classes,
    items: labels.map((label) => ({ label, split: 'test' })),
    skipped: [],
    read: () => blocks(pixels, labels.length),
  };
}

function readPixels(
  path: string,
  name: string,
  { dtype, shape, data }: NpyArray,
): { readonly shape: ImageShape; readonly pixels: Uint8Array | Float32Array } {
  const [images = 0, height = 0, width = 0, channels = 1] = shape;
  if (
    shape.length < 3 ||
    shape.length > 4 ||
    images < 1 ||
    height < 1 ||
    width < 1 ||
    (channels !== 1 && channels !== 3)
  ) {
    throw bad(
      path,
      `has ${name} of shape [${shape.join(', ')}], where [images, height, width, 1 or 3 channels] was expected. ` +
        'If the channels come first (as in PyTorch), transpose it to (0, 2, 3, 1) and save it again',
    );
  }
  if (dtype === 'u8') return { shape: [height, width, channels], pixels: data as Uint8Array };
  if (dtype !== 'f32' && dtype !== 'f64') {
    throw bad(path, `has ${name} of type ${dtype}, where bytes or floats were expected`);
  }
  const pixels = Float32Array.from(data as Float32Array | Float64Array);
  const wrong = pixels.find((value) => !(value >= -SLACK && value <= 1 + SLACK));
  if (wrong !== undefined) {
    throw bad(path, `has ${name} with a pixel of ${wrong}: floats must be in [0, 1]. Undo their normalisation first`);
  }
  return { shape: [height, width, channels], pixels };
}

function readLabels(path: string, array: NpyArray | undefined, images: number): readonly number[] {
  if (!array) throw bad(path, 'has no array "labels"');
  const labels = Array.from(array.data as ArrayLike<number | bigint>, Number);
  if (array.shape.length !== 1 || labels.length !== images) {
    throw bad(path, `has ${images} images, but labels of shape [${array.shape.join(', ')}]`);
  }
  const wrong = labels.find((label) => !Number.isInteger(label) || label < 0 || label > 65_535);
  if (wrong !== undefined) throw bad(path, `has the label ${wrong}, where whole numbers from 0 were expected`);
  return labels;
}

function classesOf(path: string, arrays: NpzArrays, labels: readonly number[]): readonly string[] {
  const largest = labels.reduce((a, b) => Math.max(a, b), 0);
  const names = classNames(arrays['settings']);
  const count = names?.length ?? arrays['logits_clean']?.shape[1] ?? largest + 1;
  if (largest >= count) throw bad(path, `has the label ${largest}, but only ${count} classes`);
  return names ?? Array.from({ length: count }, (_, label) => String(label));
}

/** The classes that the settings of a saved set name, if they can be read. */
function classNames(settings: NpyArray | undefined): readonly string[] | null {
  if (!(settings?.data instanceof Uint8Array)) return null;
  try {
    return namedClasses.safeParse(JSON.parse(new TextDecoder().decode(settings.data))).data?.classes ?? null;
  } catch {
    return null;
  }
}

async function* blocks(pixels: Uint8Array | Float32Array, images: number): AsyncGenerator<DecodedBlock> {
  const size = pixels.length / images;
  for (let start = 0; start < images; start += BLOCK) {
    const end = Math.min(images, start + BLOCK);
    const items = Array.from({ length: end - start }, (_, at) => start + at);
    yield { items, pixels: pixels.subarray(start * size, end * size), skipped: [] };
    await Promise.resolve();
  }
}

function bad(path: string, what: string): AppError {
  return new AppError('bad-data', `${path} ${what}.`, { details: { file: path } });
}
