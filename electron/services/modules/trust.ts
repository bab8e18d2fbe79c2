import { lstatSync, mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../../shared/domain/errors.ts';
import { writeAtomic } from '../../compute/arrays/atomic.ts';
import { dataFolder } from '../data-folder.ts';

/** The libraries whose modules this user lets run on this machine. */
const trustedLibraries = z.object({
  libraries: z.array(
    z.object({
      /** The folder's real path, and its inode: another folder in the same place is another library. */
      path: z.string(),
      inode: z.string(),
      since: z.string(),
    }),
  ),
});
type Trusted = z.infer<typeof trustedLibraries>['libraries'][number];

/** What is said where modules of a library that is not trusted would have to run. */
export const UNTRUSTED =
  'the modules of this library are not trusted on this computer, and none of their code is run. If you trust whoever wrote them, choose “Trust this library’s modules” in Settings, or run “pairlight modules --trust”.';

/**
 * Whether code of a library's modules may run. A library may have come from somebody else, and its modules run with the
 * user's rights: so this is not written in the library but in the user's data folder.
 * @param root the library's folder.
 */
export function isTrusted(root: string): boolean {
  const own = identityOf(root);
  if (holdsDataFolder(own.path)) return false;
  return readTrusted().some(({ path, inode }) => path === own.path && inode === own.inode);
}

/** @throws AppError `forbidden` that says how to trust them, unless the library's modules may run. */
export function requireTrusted(root: string): void {
  if (!isTrusted(root)) throw new AppError('forbidden', capitalised(UNTRUSTED), { details: { path: root } });
}

/**
 * Remembers whether modules of a library may run, for the present user.
 * @throws AppError `unsupported` for a library that holds the user's data folder itself; `library-full`,
 *   `library-read-only` or `io` if it cannot be written down.
 */
export async function setTrusted(root: string, trusted: boolean): Promise<void> {
  const own = identityOf(root);
  if (trusted && holdsDataFolder(own.path)) {
    throw new AppError(
      'unsupported',
      `Modules of ${own.path} cannot be trusted: Pairlight's data folder, which keeps what is trusted, is a part of it. Move the library to a folder of its own.`,
    );
  }
  const others = readTrusted().filter(({ path }) => path !== own.path);
  const libraries = trusted ? [...others, { ...own, since: new Date().toISOString() }] : others;
  mkdirSync(dirname(trustFile()), { recursive: true });
  await writeAtomic(trustFile(), `${JSON.stringify({ libraries }, null, 2)}\n`);
}

/** @throws AppError `bad-data` where the folder of modules, or that of their kept copies, is a link. */
export function refuseLinkedFolder(folder: string): void {
  for (const path of [folder, join(folder, '.kept')]) {
    if (!isLink(path)) continue;
    throw new AppError(
      'bad-data',
      `${path} is a link: what it leads to is no part of the library and may change unseen, so no module is taken from it. Put a real folder in its place.`,
      { details: { path } },
    );
  }
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

const trustFile = (): string => join(dataFolder(), 'trusted-modules.json');

function identityOf(root: string): Pick<Trusted, 'path' | 'inode'> {
  const path = realpathSync(root);
  return { path, inode: statSync(path, { bigint: true }).ino.toString() };
}

/** A library that holds the data folder could bring its own file of trusted libraries. */
function holdsDataFolder(root: string): boolean {
  const file = trustFile();
  return [file, realOrSame(file), join(realOrSame(dirname(file)), 'trusted-modules.json')].some((place) => {
    const way = relative(root, place);
    return !way.startsWith('..') && !isAbsolute(way);
  });
}

function realOrSame(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** A file that cannot be read, or is damaged, trusts nothing. */
function readTrusted(): readonly Trusted[] {
  try {
    return trustedLibraries.parse(JSON.parse(readFileSync(trustFile(), 'utf8'))).libraries;
  } catch {
    return [];
  }
}

function capitalised(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
