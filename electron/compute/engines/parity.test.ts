import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packFolder } from '../../services/engine-pack/state.ts';
import { expectParity, parityOf } from '../fixtures/parity-comparison.ts';

it('tensorflow and wasm agree: every network, loss, attack, map and defence', async ({ skip }) => {
  if (!existsSync(join(packFolder(), 'tfjs_binding.node'))) skip('the tensorflow engine pack is not installed');
  const [tensorflow, wasm] = await Promise.all([
    parityOf('tensorflow', packFolder(), 'full'),
    parityOf('wasm', null, 'full'),
  ]);
  expectParity(tensorflow, wasm);
  const wrong = new Map(wasm);
  wrong.set(
    'gradient small-nat by images',
    wasm.get('gradient small-nat by images')!.map((value) => value * 1.002),
  );
  expect(() => expectParity(wrong, wasm)).toThrow(/small-nat by images/);
}, 240_000);
