import { type BrowserWindow, dialog } from 'electron';
import type { JobRow } from '../../shared/domain/library.ts';

/** Asks for a folder or a file to read; null if the user closes the dialog. */
export async function chooseToOpen(
  window: BrowserWindow,
  what: { readonly title: string; readonly kind: 'folder' | 'file'; readonly extensions?: readonly string[] },
): Promise<string | null> {
  const { canceled, filePaths } = await dialog.showOpenDialog(window, {
    title: what.title,
    properties: [what.kind === 'folder' ? 'openDirectory' : 'openFile'],
    ...(what.extensions && {
      filters: [
        { name: what.title, extensions: [...what.extensions] },
        { name: 'All files', extensions: ['*'] },
      ],
    }),
  });
  return canceled ? null : (filePaths[0] ?? null);
}

/** Asks for one file or several of one folder; null if the user closes the dialog. */
export async function chooseSeveral(window: BrowserWindow, title: string): Promise<string[] | null> {
  const { canceled, filePaths } = await dialog.showOpenDialog(window, {
    title,
    properties: ['openFile', 'multiSelections'],
  });
  return canceled || filePaths.length === 0 ? null : filePaths;
}

/**
 * Asks where to write, suggesting `path`; null if the user closes the dialog. The system's dialog has asked before it
 * overwrites.
 */
export async function chooseToSave(
  window: BrowserWindow,
  what: { readonly title: string; readonly path: string; readonly extension: string },
): Promise<string | null> {
  const { canceled, filePath } = await dialog.showSaveDialog(window, {
    title: what.title,
    defaultPath: what.path,
    filters: [{ name: what.extension.toUpperCase(), extensions: [what.extension] }],
    properties: ['createDirectory', 'showOverwriteConfirmation'],
  });
  return canceled || !filePath ? null : filePath;
}

/** Asks before jobs are stopped by quitting. True: quit. */
export async function askToStopJobs(window: BrowserWindow, jobs: readonly JobRow[]): Promise<boolean> {
  const titles = jobs.slice(0, 3).map(({ title }) => `“${title}”`);
  const more = jobs.length > titles.length ? ` and ${jobs.length - titles.length} more` : '';
  const { response } = await dialog.showMessageBox(window, {
    type: 'question',
    title: 'Pairlight',
    message: jobs.length === 1 ? 'A job is still running.' : `${jobs.length} jobs are still running.`,
    detail:
      `${titles.join(', ')}${more} will stop. A training keeps its last checkpoint and an import what it has read, ` +
      'and the next start offers to go on from there; other jobs start again from the beginning.',
    buttons: ['Stop and quit', 'Keep working'],
    defaultId: 1,
    cancelId: 1,
  });
  return response === 0;
}
