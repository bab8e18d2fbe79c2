import { stat } from 'node:fs/promises';
import type { SkippedFile } from '../../../../shared/domain/dataset.ts';
import { AppError } from '../../../../shared/domain/errors.ts';
import type { FileTree } from '../tree/tree.ts';

/**
 * Why an image is left out, in words that follow its name.
 * @throws AppError `not-found` or `io` if not the image alone is at fault: the whole source is gone, or its disk fails. The import
 *   can go on once it is back.
 */
export async function reasonOf(error: unknown, tree: FileTree): Promise<string> {
  await requireSource(tree.root);
  if (!(error instanceof AppError)) return error instanceof Error ? error.message : String(error);
  if (error.code === 'io') throw error;
  const { details, message } = error;
  const named = `${details?.['file'] ?? ''} `;
  return message.startsWith(named) ? message.slice(named.length).replace(/\.$/, '') : message;
}

/** @throws AppError `not-found` if the folder or archive is gone. */
export async function requireSource(root: string): Promise<void> {
  try {
    await stat(root);
  } catch (cause) {
    throw new AppError(
      'not-found',
      `${root} is gone: the import cannot go on. Bring the folder or archive back (is its disk connected?) and resume the import.`,
      { cause, details: { file: root }, retry: true },
    );
  }
}

/** @returns AppError `bad-data`: not one image decodes. */
export function nothingGood(path: string, first: SkippedFile | undefined): AppError {
  const example = first ? ` For example, ${first.file} ${first.reason}.` : '';
  return new AppError('bad-data', `${path} has no image that can be read.${example}`, { details: { file: path } });
}

/** `1,234 images`, `1 image`. */
export function pieceOf(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}
