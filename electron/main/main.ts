import { join } from 'node:path';
import { app, type BrowserWindow, Menu, session } from 'electron';
import { EVENT_CHANNEL } from '../../shared/contract/bridge.ts';
import { defaultLibrary } from '../services/data-folder.ts';
import { packInstaller } from '../services/engine-pack/installer.ts';
import { handlers } from './calls/handlers.ts';
import { eventStream, type EventStream, forwardEvents } from './event-stream.ts';
import { serveCalls } from './ipc.ts';
import { utilityLauncher } from './launch-utility.ts';
import { libraryHolder, type LibraryHolder } from './library-holder.ts';
import { buildMenu } from './menu.ts';
import { launchOptions } from './options.ts';
import { APP_ORIGIN } from './policy.ts';
import { registerScheme, serveProtocol } from './protocol.ts';
import { quitInOrder } from './quit.ts';
import { surviveErrors } from './recovery.ts';
import { enableSandbox, lockDownContents, lockDownSession } from './security.ts';
import { applyTheme, createWindow, focusWindow } from './window.ts';

app.setName('Pairlight');
const options = launchOptions(process.argv.slice(1), {
  library: defaultLibrary(),
  userData: join(app.getPath('appData'), 'Pairlight'),
  cwd: process.cwd(),
});
app.setPath('userData', options.userData);

// One window for each library: the profile folder, and with it this lock, belongs to the library.
if (app.requestSingleInstanceLock()) {
  registerScheme();
  enableSandbox();
  app.on('web-contents-created', (_event, contents) => lockDownContents(contents));
  void app.whenReady().then(start);
} else {
  app.exit(0);
}

function start(): void {
  const built = join(import.meta.dirname, '..');
  lockDownSession(session.defaultSession);
  const window = createWindow({
    state: join(options.userData, 'window.json'),
    preload: join(built, 'preload', 'preload.cjs'),
  });
  const events = eventsTo(window);
  const library = libraryFor(events);
  const installer = packInstaller({ onProgress: (progress) => events.push('engine.install', progress) });
  serveProtocol(session.defaultSession, join(built, 'renderer'), async (address) =>
    (await library.get()).tensors.read(address),
  );
  serveCalls(
    handlers({
      window,
      events,
      library: library.get,
      installer,
      libraryFolder: options.library,
      application: app.getAppPath(),
      written: new Set(),
    }),
  );
  Menu.setApplicationMenu(buildMenu((command) => events.push('app.command', { command })));
  quitInOrder(window, library, installer);
  surviveErrors(window, events);
  app.on('second-instance', () => focusWindow(window));
  library.get().catch(() => {
    // The window asks for the library itself, and shows why it cannot be opened.
  });
  void window.loadURL(`${APP_ORIGIN}/index.html`);
}

function eventsTo(window: BrowserWindow): EventStream {
  const loaded = new Promise<void>((resolve) => window.webContents.once('did-finish-load', () => resolve()));
  const events = eventStream((name, payload) => {
    if (!window.isDestroyed()) window.webContents.send(EVENT_CHANNEL, name, payload);
  }, loaded);
  window.once('closed', () => events.dispose());
  return events;
}

function libraryFor(events: EventStream): LibraryHolder {
  const launcher = utilityLauncher(join(import.meta.dirname, 'job-host.js'));
  return libraryHolder(async () => {
    // After the window is on its way: the services take longer to load than its first frame.
    const { openLibrary } = await import('../services/open-library.ts');
    const library = await openLibrary(options.library, { launcher, serves: 'all' });
    forwardEvents(library.events, events);
    applyTheme(library.preferences.get().theme);
    return library;
  });
}
