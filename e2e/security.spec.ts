import { expect, test } from './fixtures.ts';
import { tryCall } from './launch.ts';

test.use({ shared: 'security' });

test('the window has no Node: nothing but the three functions of the bridge', async ({ app }) => {
  const seen = await app.page.evaluate(() => ({
    require: typeof (globalThis as { require?: unknown }).require,
    process: typeof (globalThis as { process?: unknown }).process,
    module: typeof (globalThis as { module?: unknown }).module,
    Buffer: typeof (globalThis as { Buffer?: unknown }).Buffer,
    bridge: Object.keys(window.pairlight).sort(),
  }));
  expect(seen).toEqual({
    require: 'undefined',
    process: 'undefined',
    module: 'undefined',
    Buffer: 'undefined',
    bridge: ['call', 'on', 'pathOf'],
  });
});

test('the window is sandboxed, isolated and without Node integration', async ({ app }) => {
  const preferences = await app.electron.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows().map(({ webContents }) =>
      (webContents as unknown as { getLastWebPreferences: () => unknown }).getLastWebPreferences(),
    ),
  );
  expect(preferences).toHaveLength(1);
  expect(preferences[0]).toMatchObject({
    sandbox: true,
    contextIsolation: true,
    nodeIntegration: false,
    webSecurity: true,
    webviewTag: false,
  });
});

test('the network is blocked, by the policy of the page and by the session behind it', async ({ app }) => {
  const failures = await app.page.evaluate(async () => {
    const failed = (address: string): Promise<boolean> =>
      fetch(address).then(
        () => false,
        () => true,
      );
    const socket = new Promise<boolean>((resolve) => {
      const opened = new WebSocket('ws://127.0.0.1:9/');
      opened.onerror = () => resolve(true);
      opened.onopen = () => resolve(false);
    });
    return [
      await failed('https://example.com/'),
      await failed('http://127.0.0.1:9/'),
      await failed('file:///etc/hosts'),
      await socket,
    ];
  });
  expect(failures).toEqual([true, true, true, true]);
  // The session itself, without any page: a server that is there stays unreachable.
  const reply = await app.electron.evaluate(async ({ session }) => {
    const { createServer } = process.getBuiltinModule('node:http');
    let visits = 0;
    const server = createServer((_request, response) => {
      visits += 1;
      response.end('reached');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const text = await session.defaultSession.fetch(`http://127.0.0.1:${port}/`).then((r) => r.text(), String);
    server.close();
    return { visits, text };
  });
  expect(reply.visits).toBe(0);
  expect(reply.text).not.toContain('reached');
});

test('the policy admits no inline script, no evaluated text and no foreign source', async ({ app }) => {
  const outcome = await app.page.evaluate(async () => {
    const script = document.createElement('script');
    script.textContent = 'document.documentElement.dataset.injected = "yes"';
    document.head.append(script);
    // Later, outside of the developer tools' own evaluation, which the policy does not bind.
    const evaluated = await new Promise<unknown>((resolve) =>
      setTimeout(() => {
        try {
          // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- it must throw
          resolve(new Function('return 1')());
        } catch (error) {
          resolve((error as Error).name);
        }
      }),
    );
    return { injected: document.documentElement.dataset.injected ?? 'no', evaluated };
  });
  expect(outcome).toEqual({ injected: 'no', evaluated: 'EvalError' });
  const policy = await app.page.evaluate(async () => {
    const response = await fetch(location.href);
    return response.headers.get('content-security-policy');
  });
  expect(policy).toContain("default-src 'none'");
});

test('there is no way out of the page: no new window, no navigation, no permission', async ({ app }) => {
  const before = app.page.url();
  const opened = await app.page.evaluate(() => window.open('https://example.com/') === null);
  expect(opened).toBe(true);
  await app.page.evaluate(() => {
    location.href = 'https://example.com/';
  });
  await app.page.evaluate(() => {
    location.href = 'data:text/html,elsewhere';
  });
  const permission = await app.page.evaluate(() =>
    navigator.mediaDevices.getUserMedia({ audio: true }).then(
      () => 'granted',
      (error: Error) => error.name,
    ),
  );
  expect(permission).not.toBe('granted');
  expect(app.page.url()).toBe(before);
  expect(app.electron.windows()).toHaveLength(1);
});

test('an unknown call and bad input give typed errors that a person understands', async ({ app }) => {
  const unknown = await tryCall(app.page, 'files.readEverything' as 'app.info', undefined);
  expect(unknown).toMatchObject({ ok: false, error: { code: 'unsupported' } });
  const wrong = await tryCall(app.page, 'jobs.pause', { id: 7 });
  expect(wrong).toMatchObject({ ok: false, error: { code: 'invalid-input', details: { field: 'id' } } });
  const extra = await tryCall(app.page, 'app.setPreferences', { theme: 'dark', shell: '/bin/sh' });
  expect(extra).toMatchObject({ ok: false, error: { code: 'invalid-input' } });
  for (const reply of [unknown, wrong, extra]) {
    expect(reply.ok ? '' : reply.error.message).not.toMatch(/\.ts|\.js|node:|\n/);
  }
});

test('files outside the library are not shown, served or named as data sets', async ({ app }) => {
  const shown = await tryCall(app.page, 'app.showInFolder', { path: '/etc/passwd' });
  expect(shown).toMatchObject({ ok: false, error: { code: 'forbidden' } });
  const statuses = await app.page.evaluate(async () => {
    const status = async (address: string): Promise<number> => (await fetch(address)).status;
    return Promise.all([
      status('pairlight://app/../../package.json'),
      status('pairlight://app/%2e%2e/main/main.js'),
      status('pairlight://tensor/dataset/dataset-00000000/images'),
      status('pairlight://tensor/dataset/..%2f..%2flibrary.db/images'),
    ]);
  });
  for (const status of statuses) expect([400, 404]).toContain(status);
});
