import { expect, test } from 'vitest';
import { dataFolder } from './data-folder.ts';

test.each([
  [{ PAIRLIGHT_DATA: '/d', XDG_DATA_HOME: '/x', HOME: '/h' }, 'linux', '/d'],
  [{ XDG_DATA_HOME: '/x', HOME: '/h' }, 'linux', '/x/pairlight'],
  [{ XDG_DATA_HOME: 'relative', HOME: '/h' }, 'linux', '/h/.local/share/pairlight'],
  [{ HOME: '/h' }, 'linux', '/h/.local/share/pairlight'],
  [{ HOME: '/h' }, 'darwin', '/h/Library/Application Support/Pairlight'],
] as const)('%j on %s is %s', (env, platform, folder) => {
  expect(dataFolder(env, platform)).toBe(folder);
});
