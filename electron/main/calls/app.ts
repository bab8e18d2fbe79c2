import { readFile, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve, sep } from 'node:path';
import { app, shell } from 'electron';
import { AppError } from '../../../shared/domain/errors.ts';
import { applyTheme } from '../window.ts';
import type { CallContext } from './context.ts';
import type { Handlers } from './dispatch.ts';

type AppCalls = 'app.info' | 'app.preferences' | 'app.setPreferences' | 'app.showInFolder';

export function appCalls(context: CallContext): Pick<Handlers, AppCalls> {
  return {
    'app.info': async () => ({
      version: app.getVersion(),
      library: context.libraryFolder,
      libraryBytes: await (await context.library()).bytes(),
      cores: availableParallelism(),
      electron: process.versions.electron,
      node: process.versions.node,
      licences: await licences(context.application),
    }),
    'app.preferences': async () => (await context.library()).preferences.get(),
    'app.setPreferences': async (change) => {
      const preferences = (await context.library()).preferences.set(change);
      applyTheme(preferences.theme);
      return preferences;
    },
    'app.showInFolder': async ({ path }) => {
      const file = resolve(path);
      const inLibrary = file === context.libraryFolder || file.startsWith(context.libraryFolder + sep);
      if (!inLibrary && !context.written.has(file)) {
        throw new AppError('forbidden', `${file} is neither in the library nor a file that was exported just now.`);
      }
      await stat(file).catch((cause: unknown) => {
        throw new AppError('not-found', `${file} is no longer there.`, { cause });
      });
      shell.showItemInFolder(file);
    },
  };
}

/** Pairlight's licence and the notices of what it contains, as text. */
async function licences(application: string): Promise<string> {
  const texts = await Promise.all(
    ['LICENSE', 'THIRD-PARTY-NOTICES.md'].map((name) => readFile(join(application, name), 'utf8').catch(() => null)),
  );
  const found = texts.filter((text) => text !== null);
  return found.length > 0 ? found.join('\n\n') : 'Apache License 2.0, https://www.apache.org/licenses/LICENSE-2.0';
}
