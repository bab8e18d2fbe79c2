import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

/** The project's root folder. */
export const root = fileURLToPath(new URL('..', import.meta.url));
export const nodeModules = join(root, 'node_modules');
export const electronFolder = join(nodeModules, 'electron');

const executables = { darwin: 'Electron.app/Contents/MacOS/Electron', win32: 'electron.exe' };

/** Path of Electron's executable inside its dist folder, as Electron's own path.txt names it. */
export const electronExecutable = executables[process.platform] ?? 'electron';
export const electronBinary = join(electronFolder, 'dist', electronExecutable);
