import { app, type Session, type WebContents } from 'electron';
import { SCHEME } from '../../shared/contract/bridge.ts';

/**
 * Puts every renderer into Chromium's sandbox. Call before the application is ready.
 * Under `--no-sandbox` (as root, in containers) there is none to enable, and asking for it would never return.
 */
export function enableSandbox(): void {
  if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox();
}

/** Keeps the session off the network and without permissions; developer tools may load their own pages. */
export function lockDownSession(session: Session): void {
  session.webRequest.onBeforeRequest((details, answer) => {
    const scheme = details.url.slice(0, details.url.indexOf(':'));
    answer({ cancel: !ALLOWED_SCHEMES.has(scheme) });
  });
  session.setPermissionRequestHandler((_contents, permission, answer) => answer(ALLOWED_PERMISSIONS.has(permission)));
  session.setPermissionCheckHandler((_contents, permission) => ALLOWED_PERMISSIONS.has(permission));
  session.setDevicePermissionHandler(() => false);
  session.setSpellCheckerEnabled(false);
  session.on('will-download', (event) => event.preventDefault());
}

/** Copying text is all that the window asks for. */
const ALLOWED_PERMISSIONS: ReadonlySet<string> = new Set(['clipboard-sanitized-write']);
const ALLOWED_SCHEMES: ReadonlySet<string> = new Set([SCHEME, 'blob', 'data', ...(app.isPackaged ? [] : ['devtools'])]);

/** No new windows, no navigation away from the application, no embedded pages. */
export function lockDownContents(contents: WebContents): void {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  contents.on('will-navigate', (event) => event.preventDefault());
  contents.on('will-redirect', (event) => event.preventDefault());
  contents.on('will-frame-navigate', (event) => event.preventDefault());
  contents.on('will-attach-webview', (event) => event.preventDefault());
}
