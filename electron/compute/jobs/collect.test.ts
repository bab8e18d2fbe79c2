import { getHeapStatistics } from 'node:v8';
import { expect, it } from 'vitest';
import { createCollector } from './collect.ts';

const MIB = 2 ** 20;
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Makes arrays of 1 MiB and drops each eight steps later. @returns the most memory that arrays took, in bytes. */
async function peakOf(betweenSteps: () => void): Promise<number> {
  const before = getHeapStatistics().external_memory;
  const held: Float32Array[] = [];
  let peak = 0;
  for (let step = 0; step < 400; step += 1) {
    held.push(new Float32Array(MIB / 4).fill(step));
    if (held.length > 8) held.shift();
    await nextTurn();
    betweenSteps();
    peak = Math.max(peak, getHeapStatistics().external_memory - before);
  }
  expect(held.at(-1)?.[0]).toBe(399);
  return peak;
}

it('gives back arrays that nobody needs any more, sooner than V8 would by itself', async () => {
  const collected = await peakOf(createCollector());
  const left = await peakOf(() => undefined);
  expect(collected).toBeLessThan(64 * MIB);
  expect(left).toBeGreaterThan(64 * MIB);
});
