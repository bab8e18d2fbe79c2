import { statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SkippedFile } from '../../../shared/domain/dataset.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { openImageFiles } from './image-files.ts';
import type { ImageSource } from './source.ts';

/** The 17 Flower Category Database (Nilsback & Zisserman 2006): 80 images of each class, in this order. */
const CLASSES = [
  'daffodil',
  'snowdrop',
  'lily of the valley',
  'bluebell',
  'crocus',
  'iris',
  'tigerlily',
  'tulip',
  'fritillary',
  'sunflower',
  'daisy',
  "colt's foot",
  'dandelion',
  'cowslip',
  'buttercup',
  'windflower',
  'pansy',
] as const;
const PER_CLASS = 80;
const IMAGE = /^image_(\d{4})\.jpe?g$/i;
const BESIDE = new Set(['files.txt', 'files.txt~']);

/** Whether a folder holds `image_0001.jpg` and the like, or a folder `jpg` that does. */
export async function isFlowers17(path: string): Promise<boolean> {
  return (await findFolder(path)) !== null;
}

/**
 * The 17 flowers as their authors lay them out; the class follows from the image's number.
 * @param size [width, height] in pixels, or null for the size that most of the images have.
 * @throws AppError `bad-data` for a folder without such images, or with numbers that the 17 flowers do not have.
 */
export async function openFlowers17(path: string, size: readonly [number, number] | null): Promise<ImageSource> {
  const folder = await findFolder(path);
  if (folder === null) throw notFlowers(path, 'holds no image_0001.jpg to image_1360.jpg, nor a folder jpg with them');
  const skipped: SkippedFile[] = [];
  const files = (await readdir(folder)).sort().flatMap((name) => {
    const number = Number(IMAGE.exec(name)?.[1] ?? 0);
    if (number > CLASSES.length * PER_CLASS) {
      throw notFlowers(path, `holds ${name}, but the 17 flowers end with image_1360.jpg: these may be the 102 flowers`);
    }
    if (number > 0) {
      return [{ path: join(folder, name), label: Math.floor((number - 1) / PER_CLASS), split: null }];
    }
    if (!BESIDE.has(name)) skipped.push({ file: name, reason: 'is none of image_0001.jpg to image_1360.jpg' });
    return [];
  });
  if (statSync(join(path, 'datasplits.mat'), { throwIfNoEntry: false })) {
    skipped.push({ file: 'datasplits.mat', reason: 'is not read: the parts are drawn from the seed, class by class' });
  }
  const images = await openImageFiles(folder, files, size, skipped);
  if (!images) throw notFlowers(path, `has no image that can be read; ${skipped[0]?.file} ${skipped[0]?.reason}`);
  return {
    kind: 'flowers17',
    paths: [folder],
    suggestedName: '17 Flowers',
    classes: CLASSES,
    keepsClasses: true,
    skipped,
    ...images,
  };
}

async function findFolder(path: string): Promise<string | null> {
  for (const folder of [path, join(path, 'jpg')]) {
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) continue;
    if ((await readdir(folder)).some((name) => IMAGE.test(name))) return folder;
  }
  return null;
}

function notFlowers(path: string, why: string): AppError {
  return new AppError('bad-data', `${path} ${why}. Choose the folder that 17flowers.tgz unpacks to.`, {
    details: { file: path },
  });
}
