import type { ImportSource } from '../../stores/dialogs.ts';

/** A file or folder that was dropped or chosen. */
export interface ChosenPath {
  readonly path: string;
  readonly folder: boolean;
}

const ARCHIVE = /\.(zip|npz|tar|t[gx]z|tzst|tar\.(gz|xz|zst|bz2))$/i;
/** A part of a set in several archives: `train-000012.tar`. */
const SHARD = /\d{2,}\.tar$/i;

/** The folder and the name of a path, with either kind of separator. */
export function splitPath(path: string): { readonly folder: string; readonly name: string } {
  const trimmed = path.length > 1 ? path.replace(/[/\\]+$/, '') : path;
  const at = Math.max(trimmed.lastIndexOf('/'), trimmed.lastIndexOf('\\'));
  const folder = trimmed.slice(0, Math.max(0, at));
  const atRoot = at === 0 || /^[a-z]:$/i.test(folder);
  return { folder: atRoot ? trimmed.slice(0, at + 1) : folder, name: trimmed.slice(at + 1) };
}

/**
 * Paths that belong to one data set become one source, in the order in which they were chosen: each folder and each
 * archive is a source of its own; the files of one folder are one together, and so are the shards of one set.
 */
export function groupPaths(chosen: readonly ChosenPath[]): readonly ImportSource[] {
  const groups = new Map<string, string[]>();
  for (const { path, folder: isFolder } of chosen) {
    const { folder, name } = splitPath(path);
    const shard = SHARD.test(name);
    const alone = isFolder || (ARCHIVE.test(name) && !shard);
    const key = alone ? `alone ${path}` : `${folder} ${shard ? name.replace(/\d+\.tar$/i, '') : ''}`;
    const group = groups.get(key);
    if (!group) groups.set(key, [path]);
    else if (!group.includes(path)) group.push(path);
  }
  return [...groups.values()].map((paths) => {
    const [first = ''] = paths;
    if (paths.length === 1) return { path: first };
    const names = paths.map((path) => splitPath(path).name);
    return {
      path: splitPath(first).folder,
      only: names.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })),
    };
  });
}
