import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Arrays that nobody needs any more may take this much before they are collected. */
const SLACK_BYTES = 24 * 2 ** 20;

/**
 * Gives the memory of arrays back that nobody needs any more. What a step reads from its engine lies outside the
 * JavaScript heap, where it hardly counts for V8: left to itself it collects such arrays long after their batch.
 * @returns to be called between steps; collects where arrays have grown by 24 MiB since the last collection.
 */
export function createCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // Not `process.memoryUsage().arrayBuffers`: Electron's Node does not count them.
  let kept = getHeapStatistics().external_memory;
  return () => {
    const now = getHeapStatistics().external_memory;
    kept = Math.min(kept, now);
    if (now - kept < SLACK_BYTES) return;
    // Memory comes back a moment after the call: the next one sees what was kept.
    collect();
    kept = now;
  };
}
