import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { installEnginePack } from './install.ts';
import { packageRecipe, type PackRecipe } from './recipe.ts';
import { verifyEnginePack } from './state.ts';

const NOTHING = 404;
let folder: string;
let server: Server;
let asked: string[];
const recipe: PackRecipe = { ...packageRecipe(`${process.platform}-${process.arch}`), room: 1000 };

/** The package's own installer runs as it is; only its two hosts are here, with small archives. */
beforeEach(async ({ skip }) => {
  if (process.platform !== 'linux' || process.arch !== 'x64') skip('the archives are named for Linux x64');
  folder = await mkdtemp(join(tmpdir(), 'pairlight-package-'));
  asked = [];
  const library = await archive('library', {
    'lib/libtensorflow.so.2.9.1': 'library',
    'include/tensorflow/c/c_api.h': 'header',
    LICENSE: 'licence',
  });
  const addon = await archive('addon', { 'napi-v8/tfjs_binding.node': 'addon' });
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const found = [library, addon].find(({ name }) => (request.url ?? '').includes(name));
    response.statusCode = found ? 200 : NOTHING;
    response.end(found?.bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  vi.stubEnv('TFJS_NODE_CDN_STORAGE', host);
  vi.stubEnv('npm_config_tfjs_binding_binary_host_mirror', host);
  for (const name of ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy']) vi.stubEnv(name, undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

async function archive(kind: 'library' | 'addon', content: Readonly<Record<string, string>>) {
  const root = join(folder, kind);
  for (const [path, text] of Object.entries(content)) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
  }
  const file = join(folder, `${kind}.tar.gz`);
  await promisify(execFile)('tar', ['-czf', file, '-C', root, ...readdirSync(root)]);
  return {
    name: kind === 'library' ? 'libtensorflow-cpu-linux-x86_64-2.9.1' : 'CPU-linux-4.22.0',
    bytes: await readFile(file),
  };
}

test('the package’s own installer fills a pack outside node_modules, in the layout that its addon expects', async () => {
  const engines = join(folder, 'engines');
  const state = await installEnginePack({ engines, recipe });
  expect(state).toMatchObject({ installed: true, version: '2.9.1', folder: join(engines, 'tensorflow') });
  const inPack = (...path: string[]): Promise<string> => readFile(join(state.folder, ...path), 'utf8');
  expect(await inPack('lib', 'napi-v8', 'tfjs_binding.node')).toBe('addon');
  expect(await inPack('deps', 'lib', 'libtensorflow.so.2.9.1')).toBe('library');
  expect(existsSync(join(state.folder, 'deps', 'include'))).toBe(false);
  expect(JSON.parse(await inPack('manifest.json'))).toMatchObject({
    source: { requirement: '@tensorflow/tfjs-node@4.22.0' },
    addon: { path: 'lib/napi-v8/tfjs_binding.node' },
    licences: ['deps/LICENSE'],
  });
  expect(await verifyEnginePack({ engines, recipe })).toMatchObject({ installed: true });
  expect(asked).toHaveLength(2);
  expect(readdirSync(engines)).toEqual(['tensorflow']);
});

test('an installer that finds nothing at its host says so, and leaves nothing', async () => {
  const engines = join(folder, 'engines');
  await new Promise((resolve) => server.close(resolve));
  await expect(installEnginePack({ engines, recipe })).rejects.toMatchObject({
    code: 'engine-pack',
    message: expect.stringMatching(/own installer failed: .*Check the network/s),
    retry: true,
  });
  expect(readdirSync(engines)).toEqual([]);
});
