import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

export interface LaunchOptions {
  /** Absolute path of the library folder, links resolved as far as it exists. */
  readonly library: string;
  /** Folder for the window's own state: bounds, Chromium's profile. Each library has one. */
  readonly userData: string;
}

/**
 * `--library DIR` and `--user-data DIR` from the arguments after the program's name. Switches that belong to Chromium are
 * left alone.
 * @param places where things lie if no switch says otherwise.
 */
export function launchOptions(
  argv: readonly string[],
  places: { readonly library: string; readonly userData: string; readonly cwd: string },
): LaunchOptions {
  const { values } = parseArgs({
    args: [...argv],
    strict: false,
    allowPositionals: true,
    options: { library: { type: 'string' }, 'user-data': { type: 'string' } },
  });
  const named = (value: string | boolean | undefined): string | null =>
    typeof value === 'string' && value !== '' ? resolve(places.cwd, value) : null;
  const standard = resolvedLinks(resolve(places.library));
  const library = resolvedLinks(named(values.library) ?? standard);
  const state = library === standard ? 'default' : createHash('sha256').update(library).digest('hex').slice(0, 16);
  return { library, userData: named(values['user-data']) ?? join(places.userData, state) };
}

/** The path with the links of its existing part resolved, so that one folder has one name. */
function resolvedLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(resolvedLinks(parent), path.slice(parent.length));
  }
}
