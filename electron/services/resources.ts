import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AppError } from '../../shared/domain/errors.ts';

/**
 * Path of a bundled file or folder under `resources/`, from sources, from the built bundle and from inside the
 * packaged application alike.
 * @throws AppError `not-found` where the installation is incomplete.
 */
export function resourcePath(...parts: readonly string[]): string {
  let folder = import.meta.dirname;
  for (;;) {
    const candidate = join(folder, 'resources', ...parts);
    if (existsSync(candidate)) return candidate;
    const parent = dirname(folder);
    if (parent === folder) break;
    folder = parent;
  }
  throw new AppError('not-found', `The bundled file resources/${parts.join('/')} is missing. Reinstall Pairlight.`);
}
