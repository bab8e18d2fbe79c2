import type { BrowserWindow } from 'electron';
import { AppError, toAppError } from '../../shared/domain/errors.ts';
import type { EventStream } from './event-stream.ts';
import { logUnexpected } from './log.ts';

/** A page that crashes again and again is not loaded for ever. */
const MOST_RELOADS = 3;
const RELOAD_AFTER_MS = 200;

/**
 * Keeps the application alive through what nobody foresaw: a crashed page is loaded again (jobs run on meanwhile), and
 * an error in main becomes a notice in the window instead of Electron's dialog with a stack.
 */
export function surviveErrors(window: BrowserWindow, events: EventStream): void {
  let reloads = 0;
  window.webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason === 'clean-exit' || window.isDestroyed()) return;
    logUnexpected('window', `the page's process ended: ${reason}`);
    if ((reloads += 1) > MOST_RELOADS) return;
    // Not while Chromium is still cleaning up after the process: that would end the application.
    setTimeout(() => {
      if (!window.isDestroyed()) window.webContents.reload();
    }, RELOAD_AFTER_MS);
    window.webContents.once('did-finish-load', () => {
      const message = 'The window was drawn anew after an error. Jobs went on meanwhile; nothing was lost.';
      events.push('app.notice', { severity: 'warning', error: new AppError('internal', message).toData() });
    });
  });
  const report = (thrown: unknown): void => {
    logUnexpected('main process', thrown);
    events.push('app.notice', { severity: 'error', error: toAppError(thrown).toData() });
  };
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);
}
