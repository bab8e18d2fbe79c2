import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test as base } from '@playwright/test';
import { kill, launch, type LaunchSettings, type RunningApp } from './launch.ts';

interface Fixtures {
  /** A folder of the test's own, deleted at its end. */
  readonly folder: string;
  /** Starts the application on a library in `folder`; what still runs at the end of the test is ended. */
  readonly start: (settings?: Partial<LaunchSettings>) => Promise<RunningApp>;
  /** Keeps a picture of every open window when a test fails. */
  readonly pictureOfFailure: void;
}

interface WorkerFixtures {
  /** Names the tests that share `app`: a file sets it to have one of its own. */
  readonly shared: string;
  /** The application on a new library, shared by the tests of one file that ask for it. */
  readonly app: RunningApp;
}

const running = new Set<RunningApp>();

async function startIn(settings: LaunchSettings): Promise<RunningApp> {
  const app = await launch(settings);
  running.add(app);
  app.process.once('exit', () => running.delete(app));
  return app;
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pairlight-e2e-'));
  try {
    await use(folder);
  } finally {
    // Chromium's processes may still write their state for a moment after it was ended; `maxRetries` of rmSync would
    // not list the folder anew.
    await expect(() => rmSync(folder, { recursive: true, force: true })).toPass({ timeout: 15_000 });
  }
}

export const test = base.extend<Fixtures, WorkerFixtures>({
  folder: ({}, use) => withFolder(use),
  start: async ({ folder }, use) => {
    const apps: RunningApp[] = [];
    await use(async (settings = {}) => {
      const app = await startIn({ folder, ...settings });
      apps.push(app);
      return app;
    });
    await Promise.all(apps.map(kill));
  },
  pictureOfFailure: [
    async ({}, use, info) => {
      await use();
      if (info.status === info.expectedStatus) return;
      for (const { page } of running) {
        const path = info.outputPath(`window-${running.size}.png`);
        await page.screenshot({ path, timeout: 5_000 }).catch(() => null);
      }
    },
    { auto: true },
  ],
  shared: ['', { option: true, scope: 'worker' }],
  app: [
    ({ shared: _shared }, use) =>
      withFolder(async (folder) => {
        const app = await startIn({ folder });
        await use(app);
        await kill(app);
      }),
    { scope: 'worker' },
  ],
});
export { expect };
