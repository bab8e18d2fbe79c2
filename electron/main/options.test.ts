import { mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { launchOptions } from './options.ts';

const folder = mkdtempSync(join(tmpdir(), 'pairlight-options-'));
const places = { library: join(folder, 'library'), userData: join(folder, 'state'), cwd: folder };

describe('launch options', () => {
  it('take the standard library if none is named', () => {
    expect(launchOptions(['.'], places)).toEqual({
      library: join(folder, 'library'),
      userData: join(folder, 'state', 'default'),
    });
  });

  it('read both spellings of --library relative to the working directory, among switches of Chromium', () => {
    const spaced = launchOptions(['--no-sandbox', '.', '--library', 'mine', '--remote-debugging-port=0'], places);
    const joined = launchOptions(['.', '--library=mine'], places);
    expect(spaced.library).toBe(join(folder, 'mine'));
    expect(joined).toEqual(spaced);
  });

  it('give each library a state folder of its own, the same under every name of that library', () => {
    symlinkSync(folder, join(folder, 'link'));
    const direct = launchOptions(['--library', join(folder, 'a')], places);
    const linked = launchOptions(['--library', join(folder, 'link', 'a')], places);
    const other = launchOptions(['--library', join(folder, 'b')], places);
    expect(linked).toEqual(direct);
    expect(other.userData).not.toBe(direct.userData);
  });

  it('let --user-data decide where state goes', () => {
    expect(launchOptions(['--user-data', 'elsewhere'], places).userData).toBe(join(folder, 'elsewhere'));
  });
});
