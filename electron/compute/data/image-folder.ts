import { statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, extname, join, relative } from 'node:path';
import type { SkippedFile } from '../../../shared/domain/dataset.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { Split } from '../../../shared/domain/shape.ts';
import { openImageFiles, type ImageFile } from './image-files.ts';
import type { ImageSource } from './source.ts';

const EXTENSIONS = new Set(['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.bmp', '.avif']);
const IGNORED = new Set(['thumbs.db', 'desktop.ini']);
const SPLIT_FOLDERS: Readonly<Record<string, Split>> = {
  train: 'train',
  training: 'train',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
  test: 'test',
  testing: 'test',
};

/**
 * Lists a folder of images: one subfolder per class, or `train`, `val`, `test` with one subfolder per class each.
 * Images without a header, empty class folders and stray files are left out with reasons.
 * @param size [width, height] in pixels, or null for the size that most of the images have.
 * @throws AppError `bad-data` if no class folder has an image.
 */
export async function openImageFolder(path: string, size: readonly [number, number] | null): Promise<ImageSource> {
  const skipped: SkippedFile[] = [];
  const listed = await listImages(path, skipped);
  if (listed.files.length === 0) throw noImages(path, skipped);
  const images = await openImageFiles(path, listed.files, size, skipped);
  if (!images) throw noImages(path, skipped);
  const used = [...new Set(images.items.map(({ label }) => label))].sort((a, b) => a - b);
  const labelOf = new Map(used.map((label, index) => [label, index]));
  for (const [label, name] of listed.classes.entries()) {
    if (!labelOf.has(label))
      skipped.push({ file: name, reason: 'is a class folder without an image that can be read' });
  }
  return {
    kind: 'folder',
    paths: [path],
    suggestedName: basename(path),
    shape: images.shape,
    classes: used.map((label) => listed.classes[label] ?? String(label)),
    items: images.items.map((file) => ({ ...file, label: labelOf.get(file.label) ?? 0 })),
    skipped,
    read: images.read,
  };
}

interface Listing {
  readonly classes: readonly string[];
  readonly files: readonly ImageFile[];
}

async function listImages(root: string, skipped: SkippedFile[]): Promise<Listing> {
  const top = await subfolders(root, root, skipped);
  if (top.length === 0) {
    throw new AppError(
      'bad-data',
      `${root} has no subfolders. Put the images of each class into a folder of its own, named after the class.`,
      {
        details: { file: root },
      },
    );
  }
  const isSplit = top.every((name) => SPLIT_FOLDERS[name.toLowerCase()] !== undefined);
  const groups = isSplit
    ? await Promise.all(
        top.map(async (name) => ({
          folder: join(root, name),
          split: SPLIT_FOLDERS[name.toLowerCase()] ?? null,
          classes: await subfolders(root, join(root, name), skipped),
        })),
      )
    : [{ folder: root, split: null, classes: top }];
  const classes = [...new Set(groups.flatMap((group) => group.classes))].sort(byName);
  const files: ImageFile[] = [];
  for (const group of groups) {
    for (const name of group.classes) {
      const folder = join(group.folder, name);
      const label = classes.indexOf(name);
      for (const file of await imagesBelow(root, folder, skipped))
        files.push({ path: file, label, split: group.split });
    }
  }
  return { classes, files };
}

async function subfolders(root: string, folder: string, skipped: SkippedFile[]): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (isIgnored(entry.name)) continue;
    if (statSync(join(folder, entry.name), { throwIfNoEntry: false })?.isDirectory()) names.push(entry.name);
    else skipped.push({ file: relative(root, join(folder, entry.name)), reason: 'lies outside the class folders' });
  }
  return names.sort(byName);
}

async function imagesBelow(root: string, folder: string, skipped: SkippedFile[]): Promise<string[]> {
  const files: string[] = [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((one) => !one.isDirectory() && !isIgnored(one.name))) {
    const path = join(entry.parentPath, entry.name);
    if (EXTENSIONS.has(extname(entry.name).toLowerCase())) files.push(path);
    else
      skipped.push({
        file: relative(root, path),
        reason: 'is not an image file (JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF)',
      });
  }
  return files.sort(byName);
}

/** By name, numbers in names by value: the same on every machine. */
function byName(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true }) || (a < b ? -1 : 1);
}

function isIgnored(name: string): boolean {
  return name.startsWith('.') || IGNORED.has(name.toLowerCase());
}

function noImages(path: string, skipped: readonly SkippedFile[]): AppError {
  const first = skipped[0];
  const example = first ? ` For example, ${first.file} ${first.reason}.` : '';
  return new AppError('bad-data', `${path} has no class folder with an image that can be read.${example}`, {
    details: { file: path, skipped: skipped.length },
  });
}
