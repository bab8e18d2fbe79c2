import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { EngineInfo } from '../../../shared/domain/engine.ts';
import { missingCardNote } from './tensorflow.ts';

const info: EngineInfo = {
  name: 'tensorflow',
  version: 'x',
  device: 'CPU, 2 threads',
  threads: 2,
  deterministic: false,
};

it('a pack with CUDA that computes on the CPU says why; the one for the CPU and a card that computes say nothing', async () => {
  const pack = await mkdtemp(join(tmpdir(), 'pairlight-card-'));
  const write = (variant: string): Promise<void> =>
    writeFile(join(pack, 'manifest.json'), JSON.stringify({ version: '2.20.0', variant, files: [] }));
  await write('cuda');
  const why = existsSync('/proc/driver/nvidia/version') ? /could not use the graphics card/ : /no NVIDIA graphics card/;
  expect(missingCardNote(pack, info)).toMatch(/^The engine pack with CUDA computes on the CPU: /);
  expect(missingCardNote(pack, info)).toMatch(why);
  expect(missingCardNote(pack, { ...info, device: 'NVIDIA H200' })).toBeNull();
  await write('cpu');
  expect(missingCardNote(pack, info)).toBeNull();
  expect(missingCardNote(null, { ...info, name: 'wasm' })).toBeNull();
  await rm(pack, { recursive: true });
});
