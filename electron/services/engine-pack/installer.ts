import type { EnginePackState, PackVariant } from '../../../shared/domain/engine.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { installEnginePack, type InstallOptions } from './install.ts';
import { exportEnginePack, installPackFile } from './pack-file.ts';
import { RECIPES } from './state.ts';

/** The one installation or export of an engine pack that this process may have under way. */
export interface PackInstaller {
  /** @throws AppError `conflict` while one is under way, `cancelled`, and what {@link installEnginePack} throws. */
  install(variant: PackVariant): Promise<EnginePackState>;
  /** @throws AppError `conflict`, `cancelled`, and what {@link installPackFile} throws. */
  installFile(file: string): Promise<EnginePackState>;
  /** @throws AppError `conflict`, `cancelled`, and what {@link exportEnginePack} throws. */
  export(variant: PackVariant, file: string): Promise<void>;
  cancel(): void;
  /** Cancels, and resolves once its programs have ended and its temporary files are gone. None begins after that. */
  dispose(): Promise<void>;
}

export function packInstaller(options: Omit<InstallOptions, 'signal'>): PackInstaller {
  let underWay: { readonly abort: AbortController; readonly ended: Promise<unknown> } | null = null;
  let disposed = false;

  const run = async <T>(
    what: string,
    work: (signal: AbortSignal) => Promise<T>,
    { signal }: AbortController,
  ): Promise<T> => {
    try {
      return await work(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new AppError('cancelled', `The ${what} was cancelled; nothing was changed.`, { cause: error });
    } finally {
      underWay = null;
    }
  };
  const begin = async <T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    if (disposed) throw new AppError('cancelled', 'Pairlight is closing.');
    if (underWay) throw new AppError('conflict', 'An engine pack is being installed or exported already.');
    const abort = new AbortController();
    const running = run(what, work, abort);
    underWay = { abort, ended: running.catch(() => undefined) };
    return running;
  };
  const recipe = (variant: PackVariant) => options.recipe ?? RECIPES[variant];

  return {
    install: (variant) =>
      begin('installation', (signal) => installEnginePack({ ...options, recipe: recipe(variant), signal })),
    installFile: (file) => begin('installation', (signal) => installPackFile(file, { ...options, signal })),
    export: (variant, file) =>
      begin('export', async (signal) => {
        await exportEnginePack(file, { ...options, recipe: recipe(variant), signal });
      }),
    cancel: () => underWay?.abort.abort(),
    dispose: async () => {
      disposed = true;
      underWay?.abort.abort();
      await underWay?.ended;
    },
  };
}
