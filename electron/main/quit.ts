import { app, type BrowserWindow } from 'electron';
import type { PackInstaller } from '../services/engine-pack/installer.ts';
import { askToStopJobs } from './dialogs.ts';
import type { LibraryHolder } from './library-holder.ts';
import { logUnexpected } from './log.ts';
import { quitOrder } from './quit-order.ts';

/** What is left of a clean end if closing the library hangs: jobs get 5 s to stop by themselves, then are killed. */
const LONGEST_CLOSE_MS = 15_000;

/**
 * Quits in order, also when the window is closed: asks if jobs are running, stops them and an installation under way,
 * closes the library, and only then ends the application. A signal (log-out, Ctrl+C) does the same without a question.
 */
export function quitInOrder(window: BrowserWindow, holder: LibraryHolder, installer: PackInstaller): void {
  const order = quitOrder(
    {
      mayQuit: async () => {
        const jobs = holder.current()?.jobs.running() ?? [];
        return jobs.length === 0 || askToStopJobs(window, jobs);
      },
      close: async () => {
        await Promise.all([holder.dispose(), installer.dispose()]);
      },
      quit: () => app.quit(),
      onError: logUnexpected,
    },
    LONGEST_CLOSE_MS,
  );

  app.on('before-quit', (event) => {
    if (order.closed()) return;
    event.preventDefault();
    order.ask();
  });
  window.on('close', (event) => {
    if (order.closed()) return;
    event.preventDefault();
    app.quit();
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => order.close());
}
