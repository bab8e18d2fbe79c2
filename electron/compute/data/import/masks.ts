import { posix } from 'node:path';

/**
 * Where the key area of an image lies by a rule such as `masks/{folder}/{stem}.png`.
 * @param name of the image below the tree's root: `{folder}` is its folder, `{name}` its file name, `{stem}` that without the ending.
 * @returns a path below the root, without `.`, `..` and empty parts.
 */
export function maskPath(rule: string, name: string): string {
  const { dir, base, name: stem } = posix.parse(name);
  // Functions as replacements: a `$` in a name means itself.
  const path = rule
    .replaceAll('\\', '/')
    .replaceAll('{folder}', () => dir)
    .replaceAll('{name}', () => base)
    .replaceAll('{stem}', () => stem);
  return posix.normalize(`/${path}`).slice(1);
}
