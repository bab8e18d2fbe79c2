import type { PackVariant } from '../../../shared/domain/engine.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { packFileName } from '../../services/engine-pack/pack-file.ts';
import { RECIPES, locateEnginePack, removeEnginePack, verifyEnginePack } from '../../services/engine-pack/state.ts';
import { chooseToOpen, chooseToSave } from '../dialogs.ts';
import type { CallContext } from './context.ts';
import type { Handlers } from './dispatch.ts';

type EngineCalls = Extract<keyof Handlers, `engines.${string}`>;

const TITLES: Readonly<Record<PackVariant, string>> = {
  cpu: 'TensorFlow engine pack',
  cuda: 'TensorFlow engine pack with CUDA',
};

export function engineCalls({ library, installer, window, written }: CallContext): Pick<Handlers, EngineCalls> {
  return {
    'engines.list': async () => {
      const { engines, packs, chosen } = await (await library()).engines.list();
      return { engines: [...engines], packs: [...packs], chosen };
    },
    'engines.test': async ({ engine }) => (await library()).engines.test(engine),
    'engines.install': ({ variant }) => installer.install(variant),
    'engines.installFile': async ({ path }) => {
      const file =
        path ?? (await chooseToOpen(window, { title: 'Engine pack to install', kind: 'file', extensions: ['zip'] }));
      return file === null ? null : installer.installFile(file);
    },
    'engines.export': async ({ variant }) => {
      const path = packFileName(RECIPES[variant]);
      const file = await chooseToSave(window, { title: TITLES[variant], path, extension: 'zip' });
      if (file === null) return null;
      await installer.export(variant, file);
      written.add(file);
      return file;
    },
    'engines.cancelInstall': () => installer.cancel(),
    'engines.verify': ({ variant }) => verifyEnginePack({ recipe: RECIPES[variant] }),
    'engines.remove': async ({ variant }) => {
      const busy = (await library()).jobs.running().some((job) => job.engine?.name === 'tensorflow');
      if (busy) {
        throw new AppError(
          'conflict',
          'A running job uses the tensorflow engine. Wait for it or cancel it, then remove the pack.',
        );
      }
      await removeEnginePack({ recipe: RECIPES[variant] });
      return locateEnginePack({ recipe: RECIPES[variant] });
    },
  };
}
