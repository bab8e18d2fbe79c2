import { spawn } from 'node:child_process';
import { join } from 'node:path';
import electronPath from 'electron';
import { expect, test } from './fixtures.ts';
import { quit, root } from './launch.ts';

test('a second window on the same library brings the first to the front and ends', async ({ start, folder }) => {
  const app = await start();
  await app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.minimize());
  const again = app.electron.evaluate(
    ({ app: running }) => new Promise<string>((resolve) => running.once('second-instance', () => resolve('told'))),
  );
  const { ELECTRON_RUN_AS_NODE: _plainNode, ...env } = process.env;
  const second = spawn(
    electronPath as unknown as string,
    ['--no-sandbox', root, '--library', app.library, '--user-data', join(folder, 'state')],
    { env, stdio: 'ignore' },
  );
  const status = await new Promise<number | null>((resolve) => second.on('exit', resolve));
  expect(status).toBe(0);
  expect(await again).toBe('told');
  const window = await app.electron.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows().map((each) => ({ minimized: each.isMinimized(), visible: each.isVisible() })),
  );
  expect(window).toEqual([{ minimized: false, visible: true }]);
  await quit(app);
});

test('the window comes back where it was, in its size', async ({ start }) => {
  const first = await start();
  await first.electron.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows()[0]?.setBounds({ x: 60, y: 40, width: 1180, height: 760 }),
  );
  await quit(first);
  const second = await start();
  const bounds = await second.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.getBounds());
  expect(bounds).toEqual({ x: 60, y: 40, width: 1180, height: 760 });
  await quit(second);
});
