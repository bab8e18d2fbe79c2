import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { isTrusted, refuseLinkedFolder, requireTrusted, setTrusted } from './trust.ts';

let folder: string;
let library: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pairlight-trust-'));
  library = join(folder, 'library');
  mkdirSync(join(library, 'modules'), { recursive: true });
  vi.stubEnv('PAIRLIGHT_DATA', join(folder, 'data'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

test('a library is trusted once the user says so, by whatever way it is reached, until they take it back', async () => {
  const other = join(folder, 'other');
  mkdirSync(other);
  symlinkSync(library, join(folder, 'link'));
  expect(isTrusted(library)).toBe(false);
  expect(() => requireTrusted(library)).toThrow(/not trusted on this computer.*“pairlight modules --trust”/);
  await setTrusted(library, true);
  await setTrusted(other, true);
  expect([library, join(folder, 'link'), other].map(isTrusted)).toEqual([true, true, true]);
  await setTrusted(library, false);
  expect([library, other].map(isTrusted)).toEqual([false, true]);
  expect(readdirSync(library)).toEqual(['modules']);
});

test('another folder in the place of a trusted library is not trusted, nor is that library in another place', async () => {
  await setTrusted(library, true);
  const moved = join(folder, 'moved');
  renameSync(library, moved);
  mkdirSync(library);
  expect([library, moved].map(isTrusted)).toEqual([false, false]);
});

test('a damaged list trusts nothing, and is written anew', async () => {
  await setTrusted(library, true);
  writeFileSync(join(folder, 'data', 'trusted-modules.json'), '{');
  expect(isTrusted(library)).toBe(false);
  await setTrusted(library, true);
  expect(isTrusted(library)).toBe(true);
});

test('a library that holds the data folder cannot bring its own trust', async () => {
  await setTrusted(folder, false);
  await expect(setTrusted(folder, true)).rejects.toMatchObject({ code: 'unsupported' });
  await setTrusted(library, true);
  vi.stubEnv('PAIRLIGHT_DATA', join(library, 'data'));
  renameSync(join(folder, 'data'), join(library, 'data'));
  expect(isTrusted(library)).toBe(false);
});

test('a folder of kept copies that is a link is refused, as that of modules is', () => {
  expect(() => refuseLinkedFolder(join(library, 'modules'))).not.toThrow();
  symlinkSync(folder, join(library, 'modules', '.kept'));
  expect(() => refuseLinkedFolder(join(library, 'modules'))).toThrow(/\.kept is a link/);
});
