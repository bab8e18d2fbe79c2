import { join, resolve } from 'node:path';
import { it } from 'vitest';
import { expectParity, parityOf } from '../fixtures/parity-comparison.ts';
import { measureParity } from '../fixtures/parity.ts';
import { loadEngine } from './load.ts';
import { missingAdapter } from './missing-adapter.ts';

const ELECTRON = join(resolve(import.meta.dirname, '../../..'), 'node_modules/electron/dist/electron');

it('webgpu and wasm agree: losses, attacks, maps and the richest defence on small-cnn', async ({ skip }) => {
  const missing = await missingAdapter();
  if (missing !== null) skip(missing);
  await loadEngine('webgpu', { enginePack: null, deterministic: false });
  const reference = await parityOf('wasm', null, 'short', ELECTRON);
  expectParity(await measureParity('short'), reference);
});
