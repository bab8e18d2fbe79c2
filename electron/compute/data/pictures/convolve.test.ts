import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import wabt from 'wabt';
import { expect, test } from 'vitest';
import { CONVOLVE_WASM } from './convolve-wasm.ts';
import { convolve, resample, type Grid } from './resample.ts';
import { tapsOf } from './taps.ts';
import { RESIZE_FILTERS } from '../../../../shared/domain/import-plan.ts';

test('the binary is that of convolve.wat', async () => {
  const text = readFileSync(join(import.meta.dirname, 'convolve.wat'), 'utf8');
  const { buffer } = (await wabt()).parseWat('convolve.wat', text, { simd: true }).toBinary({});
  expect(CONVOLVE_WASM).toBe(Buffer.from(buffer).toString('base64'));
});

test('bytes by SIMD come out as in floating point, whatever the sizes', () => {
  for (const [width, height, toWidth, toHeight, left, top] of [
    [131, 90, 32, 32, 10.5, 0],
    [131, 90, 1, 1, 0, 0],
    [17, 5, 40, 33, 0, 0.25],
    [1, 1, 7, 3, 0, 0],
    [640, 3, 64, 3, 0, 0],
  ] as const) {
    for (const channels of [1, 3] as const) {
      const data = Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 7919 + (i >> 4) * 31) % 256);
      const grid: Grid = { data, width, height, channels };
      const box = { left, top, right: width - left, bottom: height - top };
      for (const filter of RESIZE_FILTERS) {
        const across = tapsOf(filter, width, box.left, box.right, toWidth);
        const down = tapsOf(filter, height, box.top, box.bottom, toHeight);
        const plain = convolve(grid, across, down, toWidth, toHeight);
        const simd = resample(grid, box, toWidth, toHeight, filter);
        const most = plain.reduce((worst, value, at) => Math.max(worst, Math.abs(value - simd[at]!)), 0);
        expect(most, `${filter} ${width}×${height}×${channels}`).toBeLessThan(0.15);
      }
    }
  }
});
