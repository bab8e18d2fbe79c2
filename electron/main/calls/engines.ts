import { locateEnginePack, removeEnginePack, verifyEnginePack } from '../../services/engine-pack/state.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { CallContext } from './context.ts';
import type { Handlers } from './dispatch.ts';

type EngineCalls =
  'engines.list' | 'engines.test' | 'engines.install' | 'engines.cancelInstall' | 'engines.verify' | 'engines.remove';

export function engineCalls({ library, installer }: CallContext): Pick<Handlers, EngineCalls> {
  return {
    'engines.list': async () => {
      const { engines, pack, chosen } = await (await library()).engines.list();
      return { engines: [...engines], pack, chosen };
    },
    'engines.test': async ({ engine }) => (await library()).engines.test(engine),
    'engines.install': () => installer.install(),
    'engines.cancelInstall': () => installer.cancel(),
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
