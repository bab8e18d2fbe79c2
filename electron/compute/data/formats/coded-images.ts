import type { ImportPlan } from '../../../../shared/domain/import-plan.ts';
import type { EncodedSource } from '../data-source.ts';
import { maskPath } from '../import/masks.ts';
import type { FileTree } from '../tree/tree.ts';

const IMAGE = /\.(jpe?g|jfif|png|webp|gif|tiff?|bmp|avif)$/i;
const collator = new Intl.Collator('en', { numeric: true });

export const NO_IMAGE = 'is not an image file (JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF)';

/** Whether a name ends as those of images do; what the file really is shows when it is read. */
export function isImageName(path: string): boolean {
  return IMAGE.test(path);
}

/** By name, numbers in names by value: the same on every machine. */
export function byName(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

/** The tree's images, without those that are key areas of others by the plan's rule. */
export function imagesOf(tree: FileTree, plan: ImportPlan): string[] {
  const paths = tree.files.flatMap(({ path }) => (isImageName(path) ? [path] : []));
  const rule = plan.masks;
  if (rule === null) return paths;
  const masks = new Set(paths.map((path) => maskPath(rule, path)));
  return paths.filter((path) => !masks.has(path));
}

/** A source of images that are files of the tree, each under its own name. */
export function encodedSource(
  tree: FileTree,
  /** `skipped`: what was left out beside that of the tree. */
  source: Omit<EncodedSource, 'form' | 'load' | 'close'>,
): EncodedSource {
  const { items } = source;
  return {
    ...source,
    form: 'encoded',
    skipped: [...tree.skipped, ...source.skipped],
    load: (index) => tree.read(items[index]?.name ?? ''),
  };
}

/** Labels as positions in the sorted list of the names that occur; whole numbers are in the order of their values. */
export function numbered(names: readonly string[]): { readonly classes: readonly string[]; readonly labels: number[] } {
  const classes = [...new Set(names)].sort(byName);
  const positions = new Map(classes.map((name, at) => [name, at]));
  return { classes, labels: names.map((name) => positions.get(name) ?? 0) };
}

/** A note on classes that differ in capitals only, which are often meant to be one. */
export function noteOnCase(classes: readonly string[]): readonly string[] {
  const seen = new Map<string, string>();
  return classes.flatMap((name) => {
    const before = seen.get(name.toLowerCase());
    seen.set(name.toLowerCase(), name);
    return before === undefined ? [] : [`The classes ${before} and ${name} differ in capitals only.`];
  });
}
