import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { isAlive } from '../../store/lease.ts';
import { packInstaller } from './installer.ts';
import { TENSORFLOW_CPU, type PackRecipe } from './recipe.ts';

let folder: string;
let engines: string;
const recipe: PackRecipe = { ...TENSORFLOW_CPU, platform: `${process.platform}-${process.arch}`, room: 1000 };

/** A python3 that starts a program of its own, as compilers do, and never ends. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pairlight-installer-'));
  engines = join(folder, 'engines');
  const bin = join(folder, 'bin');
  await mkdir(bin);
  const python = join(bin, 'python3');
  await writeFile(
    python,
    `#!/bin/sh\nsleep 600 &\necho "$$ $!" > "${folder}/pids.part"\nmv "${folder}/pids.part" "${folder}/pids"\nwait\n`,
  );
  await chmod(python, 0o755);
  vi.stubEnv('PATH', [bin, process.env['PATH']].join(delimiter));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

/** Process ids of the program and of the one that it started. */
async function started(): Promise<number[]> {
  while (!existsSync(join(folder, 'pids'))) await new Promise((resolve) => setTimeout(resolve, 10));
  return readFileSync(join(folder, 'pids'), 'utf8').trim().split(' ').map(Number);
}

/** Runs; one that has ended and that nobody has asked about yet does not. */
function runs(pid: number): boolean {
  if (!isAlive(pid)) return false;
  const status = `/proc/${pid}/status`;
  return !existsSync(status) || !/^State:\s+Z/m.test(readFileSync(status, 'utf8'));
}

test('closing during an installation ends its programs and what they started, and leaves no file', async () => {
  const installer = packInstaller({ engines, recipe });
  const ended = expect(installer.install('cpu')).rejects.toMatchObject({ code: 'cancelled' });
  const pids = await started();
  expect(pids.map(runs)).toEqual([true, true]);
  await expect(installer.install('cpu')).rejects.toMatchObject({ code: 'conflict' });
  await installer.dispose();
  await ended;
  await vi.waitFor(() => expect(pids.map(runs)).toEqual([false, false]));
  expect(readdirSync(engines)).toEqual([]);
  await expect(installer.install('cpu')).rejects.toMatchObject({ code: 'cancelled' });
});

test('after a cancelled installation another one can begin', async () => {
  const installer = packInstaller({ engines, recipe });
  const first = expect(installer.install('cpu')).rejects.toMatchObject({ code: 'cancelled' });
  await started();
  installer.cancel();
  await first;
  await rm(join(folder, 'pids'));
  const second = expect(installer.install('cpu')).rejects.toMatchObject({ code: 'cancelled' });
  await started();
  await installer.dispose();
  await second;
});

test('closing with nothing under way is done at once', async () => {
  await expect(packInstaller({ engines, recipe }).dispose()).resolves.toBeUndefined();
});
