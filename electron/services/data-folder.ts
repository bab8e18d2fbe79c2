import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * The folder that holds everything Pairlight keeps by itself: the default library (`library/`) and the engine packs
 * (`engines/`). `$PAIRLIGHT_DATA` where it is set, else the platform's data folder. The folder need not exist yet.
 */
export function dataFolder(env: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  if (env.PAIRLIGHT_DATA) return resolve(env.PAIRLIGHT_DATA);
  const home = env.HOME ?? homedir();
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Pairlight');
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'Pairlight');
  // The XDG specification: a relative path counts as unset.
  return join(env.XDG_DATA_HOME?.startsWith('/') ? env.XDG_DATA_HOME : join(home, '.local', 'share'), 'pairlight');
}

/** The library that is opened when none is named: `<data folder>/library`. */
export function defaultLibrary(): string {
  return join(dataFolder(), 'library');
}
