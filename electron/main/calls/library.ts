import { shell } from 'electron';
import { AppError } from '../../../shared/domain/errors.ts';
import { chooseToOpen } from '../dialogs.ts';
import type { CallContext } from './context.ts';
import type { Handlers } from './dispatch.ts';

type LibraryCalls =
  | 'architectures.describe'
  | 'architectures.transfer'
  | 'catalogue.get'
  | 'library.snapshot'
  | 'modules.list'
  | 'modules.trust'
  | 'modules.open'
  | 'models.list'
  | 'models.import'
  | 'models.choose'
  | 'models.probe'
  | 'entities.rename'
  | 'entities.delete'
  | 'entities.restore';

const MODEL_DIALOG = {
  title: 'Model or weights',
  kind: 'file',
  extensions: ['npz', 'safetensors', 'onnx', 'json'],
} as const;

export function libraryCalls({ library, window }: CallContext): Pick<Handlers, LibraryCalls> {
  return {
    'architectures.describe': async (query) => (await library()).architectures.describe(query),
    'architectures.transfer': async (query) => (await library()).architectures.transfer(query),
    'catalogue.get': async () => (await library()).catalogue(),
    'library.snapshot': async () => (await library()).snapshot(),
    'models.list': async () => [...(await library()).models.list()],
    'models.import': async ({ path, ...options }) => {
      const opened = await library();
      const file = path ?? (await chooseToOpen(window, MODEL_DIALOG));
      return file === null ? null : opened.models.import({ ...options, path: file });
    },
    'modules.list': async ({ again }) => {
      const { modules } = await library();
      return again ? modules.readAgain() : modules.list();
    },
    'modules.trust': async ({ trusted }) => (await library()).modules.setTrusted(trusted),
    'modules.open': async () => {
      const { folder } = await (await library()).modules.list();
      const failed = await shell.openPath(folder);
      if (failed !== '') throw new AppError('io', `${folder} cannot be opened: ${failed}.`);
    },
    'models.choose': () => chooseToOpen(window, MODEL_DIALOG),
    'models.probe': async (options) => (await library()).models.probe(options),
    'entities.rename': async ({ id, name }) => (await library()).entities.rename(id, name),
    'entities.delete': async ({ id }) => (await library()).entities.delete(id),
    'entities.restore': async ({ id }) => (await library()).entities.restore(id),
  };
}
