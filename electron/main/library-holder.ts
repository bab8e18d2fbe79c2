import { AppError } from '../../shared/domain/errors.ts';
import type { Library } from '../services/library.ts';

/** The library that the window works on. It opens once; where that fails, the next request tries again. */
export interface LibraryHolder {
  /** @throws AppError that names the folder, where the library cannot be opened. */
  readonly get: () => Promise<Library>;
  /** The library if it is open. */
  readonly current: () => Library | null;
  /** Stops its jobs and closes it; nothing opens it again. */
  readonly dispose: () => Promise<void>;
}

/** @param open opens the library and connects it to the window. */
export function libraryHolder(open: () => Promise<Library>): LibraryHolder {
  let opening: Promise<Library> | null = null;
  let library: Library | null = null;
  let closing: Promise<void> | null = null;

  const start = async (): Promise<Library> => {
    try {
      library = await open();
      return library;
    } catch (error) {
      opening = null;
      throw error;
    }
  };
  const close = async (): Promise<void> => {
    await opening?.catch(() => null);
    await library?.dispose();
    library = null;
  };

  return {
    async get() {
      if (closing) throw new AppError('library-busy', 'Pairlight is closing.');
      opening ??= start();
      return opening;
    },
    current: () => library,
    dispose: () => (closing ??= close()),
  };
}
