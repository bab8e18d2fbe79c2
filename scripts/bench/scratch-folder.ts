import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder for what a benchmark writes, removed also when the benchmark is told to end. */
export async function scratchFolder(): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), 'pairlight-bench-'));
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => {
      rmSync(scratch, { recursive: true, force: true });
      process.exit(status);
    });
  }
  return scratch;
}
