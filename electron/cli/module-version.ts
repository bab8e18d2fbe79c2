import { AppError } from '../../shared/domain/errors.ts';
import { shortHash } from '../../shared/domain/module.ts';
import type { Library } from '../services/library.ts';

/**
 * The hash of a module version that the library has numbers of, from its beginning.
 * @throws AppError `not-found` that lists those there are.
 */
export function moduleVersion(library: Library, text: string): string {
  const versions = new Set(library.snapshot().evaluations.flatMap(({ request }) => request.attack.module ?? []));
  const [only, ...others] = [...versions].filter((hash) => hash.startsWith(text));
  if (only !== undefined && others.length === 0) return only;
  const known = versions.size > 0 ? [...versions].map(shortHash).join(', ') : 'none';
  throw new AppError('not-found', `--module: ${text} is not one version that this library has numbers of (${known}).`);
}
