import { dirname, join, resolve } from 'node:path';
import { app } from 'electron';
import { writeExport } from '../../services/write-export.ts';
import { chooseToSave } from '../dialogs.ts';
import type { CallContext } from './context.ts';

/** A file that is made already, and what the dialog for it says. */
interface MadeFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly title: string;
  readonly extension: string;
}

/**
 * Asks where a file should go, beginning in the folder of the last one, and writes it there.
 * @returns its path; null if the user closed the dialog.
 */
export function fileSaver({ window, written }: CallContext): (made: MadeFile) => Promise<string | null> {
  let folder = app.getPath('documents');
  return async ({ name, bytes, title, extension }) => {
    const chosen = await chooseToSave(window, { title, path: join(folder, name), extension });
    if (chosen === null) return null;
    const file = resolve(chosen);
    await writeExport(file, bytes);
    folder = dirname(file);
    written.add(file);
    return file;
  };
}
