import { app, type BrowserWindow } from 'electron';
import { askToStopJobs } from './dialogs.ts';
import type { LibraryHolder } from './library-holder.ts';
import { logUnexpected } from './log.ts';

/** What is left of a clean end if closing the library hangs: jobs get 5 s to stop by themselves, then are killed. */
const LONGEST_CLOSE_MS = 15_000;

/**
 * Quits in order, also when the window is closed: asks if jobs are running, stops them, closes the library, and only then
 * ends the application. A signal (log-out, Ctrl+C) does the same without a question.
 */
export function quitInOrder(holder: LibraryHolder, window: BrowserWindow): void {
  let state: 'open' | 'asking' | 'closing' | 'closed' = 'open';

  const mayQuit = async (): Promise<boolean> => {
    const jobs = holder.current()?.jobs.running() ?? [];
    return jobs.length === 0 || askToStopJobs(window, jobs);
  };
  const close = async (): Promise<void> => {
    state = 'closing';
    const late = new Promise<void>((resolve) => setTimeout(resolve, LONGEST_CLOSE_MS).unref());
    await Promise.race([holder.dispose().catch((error: unknown) => logUnexpected('closing the library', error)), late]);
    state = 'closed';
    app.quit();
  };
  const ask = async (): Promise<void> => {
    state = 'asking';
    if (await mayQuit()) await close();
    else state = 'open';
  };

  app.on('before-quit', (event) => {
    if (state === 'closed') return;
    event.preventDefault();
    if (state === 'open') void ask();
  });
  window.on('close', (event) => {
    if (state === 'closed') return;
    event.preventDefault();
    app.quit();
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (state === 'open' || state === 'asking') void close();
    });
  }
}
