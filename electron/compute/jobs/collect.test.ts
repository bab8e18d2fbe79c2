import { constants, PerformanceObserver } from 'node:perf_hooks';
import { expect, it } from 'vitest';
import { createCollector } from './collect.ts';

const MIB = 2 ** 20;

/** What Node tells of one collection. */
interface Collection {
  readonly detail: { readonly flags: number };
}

/** Makes so many arrays of 1 MiB and drops them. */
function makeAndDrop(count: number): void {
  const held = Array.from({ length: count }, (_, index) => new Float32Array(MIB / 4).fill(index));
  expect(held.at(-1)?.[0]).toBe(count - 1);
}

it('collects once arrays have grown by 24 MiB, sooner than V8 would by itself', async () => {
  let asked = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { detail } of list.getEntries() as unknown as readonly Collection[]) {
      if ((detail.flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) !== 0) asked += 1;
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  const collect = createCollector();
  makeAndDrop(10);
  collect();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(asked).toBe(0);
  makeAndDrop(30);
  collect();
  await expect.poll(() => asked, { timeout: 10_000 }).toBe(1);
  observer.disconnect();
});
