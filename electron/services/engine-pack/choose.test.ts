import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { EnginePackState, PackVariant } from '../../../shared/domain/engine.ts';
import { locateEnginePacks, packToUse } from './choose.ts';

const pack = (variant: PackVariant, installed: boolean): EnginePackState => ({
  variant,
  installed,
  folder: variant,
  version: installed ? '1' : null,
  bytes: null,
  reason: installed ? null : 'none',
});

test.each([
  { cpu: true, cuda: true, driver: true, used: 'cuda' },
  { cpu: true, cuda: true, driver: false, used: 'cpu' },
  { cpu: true, cuda: false, driver: true, used: 'cpu' },
  { cpu: false, cuda: true, driver: false, used: 'cuda' },
  { cpu: false, cuda: false, driver: true, used: 'cpu' },
])('of the packs (cpu $cpu, cuda $cuda) with a driver ($driver) the one for $used is used', ({ used, ...has }) => {
  const packs = [pack('cpu', has.cpu), pack('cuda', has.cuda)] as const;
  expect(packToUse(packs, () => has.driver).variant).toBe(used);
});

test('each variant has a folder of its own, and says how to install itself', async () => {
  const engines = await mkdtemp(join(tmpdir(), 'pairlight-packs-'));
  const [cpu, cuda] = await locateEnginePacks(engines);
  expect(cpu).toMatchObject({ variant: 'cpu', installed: false, folder: join(engines, 'tensorflow') });
  expect(cuda).toMatchObject({ variant: 'cuda', installed: false, folder: join(engines, 'tensorflow-cuda') });
  if (process.platform === 'linux' && process.arch === 'x64')
    expect(cuda.reason).toMatch(/engine install tensorflow --cuda$/);
  await rm(engines, { recursive: true });
});
