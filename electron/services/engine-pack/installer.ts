import type { EnginePackState } from '../../../shared/domain/engine.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { installEnginePack, type InstallOptions } from './install.ts';

/** The one installation of the engine pack that this process may have under way. */
export interface PackInstaller {
  /** @throws AppError `conflict` while one is under way, `cancelled`, and what {@link installEnginePack} throws. */
  install(): Promise<EnginePackState>;
  cancel(): void;
  /** Cancels, and resolves once its programs have ended and its temporary files are gone. None begins after that. */
  dispose(): Promise<void>;
}

export function packInstaller(options: Omit<InstallOptions, 'signal'>): PackInstaller {
  let underWay: { readonly abort: AbortController; readonly ended: Promise<unknown> } | null = null;
  let disposed = false;

  const run = async (signal: AbortSignal): Promise<EnginePackState> => {
    try {
      return await installEnginePack({ ...options, signal });
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new AppError('cancelled', 'The installation was cancelled; nothing was changed.', { cause: error });
    } finally {
      underWay = null;
    }
  };

  return {
    install: async () => {
      if (disposed) throw new AppError('cancelled', 'Pairlight is closing.');
      if (underWay) throw new AppError('conflict', 'The engine pack is being installed already.');
      const abort = new AbortController();
      const installation = run(abort.signal);
      underWay = { abort, ended: installation.catch(() => undefined) };
      return installation;
    },
    cancel: () => underWay?.abort.abort(),
    dispose: async () => {
      disposed = true;
      underWay?.abort.abort();
      await underWay?.ended;
    },
  };
}
