import { installEnginePack } from '../../services/engine-pack/install.ts';
import { locateEnginePack, removeEnginePack, verifyEnginePack } from '../../services/engine-pack/state.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { CallContext } from './context.ts';
import type { Handlers } from './dispatch.ts';

type EngineCalls =
  'engines.list' | 'engines.test' | 'engines.install' | 'engines.cancelInstall' | 'engines.verify' | 'engines.remove';

export function engineCalls({ library, events }: CallContext): Pick<Handlers, EngineCalls> {
  let installing: AbortController | null = null;

  const install = async (): ReturnType<typeof installEnginePack> => {
    if (installing) throw new AppError('conflict', 'The engine pack is being installed already.');
    installing = new AbortController();
    const { signal } = installing;
    try {
      return await installEnginePack({ signal, onProgress: (progress) => events.push('engine.install', progress) });
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new AppError('cancelled', 'The installation was cancelled; nothing was changed.', { cause: error });
    } finally {
      installing = null;
    }
  };

  return {
    'engines.list': async () => {
      const { engines, pack, chosen } = await (await library()).engines.list();
      return { engines: [...engines], pack, chosen };
    },
    'engines.test': async ({ engine }) => (await library()).engines.test(engine),
    'engines.install': install,
    'engines.cancelInstall': () => installing?.abort(),
    'engines.verify': () => verifyEnginePack(),
    'engines.remove': async () => {
      const busy = (await library()).jobs.running().some((job) => job.engine?.name === 'tensorflow');
      if (busy) {
        throw new AppError(
          'conflict',
          'A running job uses the tensorflow engine. Wait for it or cancel it, then remove the pack.',
        );
      }
      await removeEnginePack();
      return locateEnginePack();
    },
  };
}
