import { toAppError } from '../../shared/domain/errors.ts';
import { t } from '../i18n/index.ts';
import { call } from './connection.ts';
import { useToasts } from './toasts.ts';

/** Runs a request and shows its error as a toast; true if it went well. */
export async function attempt(request: () => Promise<unknown>): Promise<boolean> {
  try {
    await request();
    return true;
  } catch (thrown) {
    useToasts().fail(toAppError(thrown));
    return false;
  }
}

/** Moves an entity to the library's bin and offers to take it back. */
export async function deleteWithUndo(id: string, name: string): Promise<void> {
  const toasts = useToasts();
  await attempt(async () => {
    const { deleted } = await call('entities.delete', { id });
    const others = deleted.length - 1;
    toasts.show(others > 0 ? t('ui.deletedMany', { name, n: others }) : t('ui.deleted', { name }), {
      action: {
        label: t('ui.undo'),
        run: async () => {
          if (await attempt(() => call('entities.restore', { id })))
            toasts.show(t('ui.restored', { name }), { tone: 'ok' });
        },
      },
    });
  });
}

/** Runs an export and says where the file went, with a button that shows it; silent if the save dialog was closed. */
export async function exportWithToast(request: () => Promise<string | null>): Promise<void> {
  const toasts = useToasts();
  await attempt(async () => {
    const path = await request();
    if (path === null) return;
    toasts.show(t('ui.savedTo', { path }), {
      tone: 'ok',
      action: { label: t('ui.show'), run: async () => void (await attempt(() => call('app.showInFolder', { path }))) },
    });
  });
}
