import { BrowserWindow, nativeTheme, screen } from 'electron';
import type { Preferences } from '../../shared/contract/calls.ts';
import { MINIMUM_SIZE, placeWindow, readWindowState, writeWindowState } from './window-state.ts';

/** The renderer's `--bg`, so that nothing flashes before its first frame. */
const BACKGROUND = { light: '#f6f6f4', dark: '#141619' } as const;

function background(): string {
  return nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light;
}

/**
 * Makes the application's window, still without a page; it shows itself when the first frame is drawn.
 * @param files `state`: where its place is kept; `preload`: the built preload script.
 */
export function createWindow(files: { readonly state: string; readonly preload: string }): BrowserWindow {
  const state = readWindowState(files.state);
  nativeTheme.themeSource = state.theme;
  const primary = screen.getPrimaryDisplay();
  const displays = [primary, ...screen.getAllDisplays().filter(({ id }) => id !== primary.id)];
  const window = new BrowserWindow({
    ...placeWindow(
      state.bounds,
      displays.map(({ workArea }) => workArea),
    ),
    minWidth: MINIMUM_SIZE.width,
    minHeight: MINIMUM_SIZE.height,
    title: 'Pairlight',
    show: false,
    backgroundColor: background(),
    autoHideMenuBar: true,
    webPreferences: {
      preload: files.preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
    },
  });
  if (state.maximized) window.maximize();
  const recolour = (): void => window.setBackgroundColor(background());
  nativeTheme.on('updated', recolour);
  window.once('ready-to-show', () => window.show());
  window.on('close', () =>
    writeWindowState(files.state, {
      bounds: window.getNormalBounds(),
      maximized: window.isMaximized(),
      theme: nativeTheme.themeSource,
    }),
  );
  window.on('closed', () => nativeTheme.off('updated', recolour));
  return window;
}

/** Makes native parts (menus, dialogs, the window's background) follow the chosen theme. */
export function applyTheme(theme: Preferences['theme']): void {
  nativeTheme.themeSource = theme;
}

/** Brings the window to the front, from behind others or from the task bar. */
export function focusWindow(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}
