import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadEngine } from './load.ts';

it('an engine that cannot be had is an error when asked for by name, and a note when it is not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pairlight-pack-'));
  await writeFile(join(folder, 'tfjs_binding.node'), 'not a library');
  await expect(loadEngine('tensorflow', { enginePack: null, deterministic: false })).rejects.toMatchObject({
    code: 'engine-unavailable',
    message: expect.stringMatching(/not installed.*Engines view/) as string,
  });
  await expect(loadEngine('tensorflow', { enginePack: folder, deterministic: false })).rejects.toMatchObject({
    code: 'engine-pack',
    message: expect.stringContaining(folder) as string,
  });

  process.env['PAIRLIGHT_ENGINE'] = 'abacus';
  await expect(loadEngine('auto', { enginePack: null, deterministic: false })).rejects.toMatchObject({
    code: 'invalid-input',
    message: expect.stringContaining('abacus') as string,
  });
  delete process.env['PAIRLIGHT_ENGINE'];

  const [engine, same] = await Promise.all([
    loadEngine('auto', { enginePack: folder, deterministic: false, threads: 3 }),
    loadEngine('auto', { enginePack: folder, deterministic: false, threads: 3 }),
  ]);
  expect(engine.info).toMatchObject({ name: 'wasm', threads: 3, device: 'CPU, 3 threads' });
  expect(engine.note).toMatch(/Computing with wasm\. .*does not load/);
  expect(same).toBe(engine);
  await rm(folder, { recursive: true });
});
