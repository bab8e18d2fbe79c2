import { join } from 'node:path';
import type { JobLauncher } from './job-transport.ts';
import { forkLauncher } from './launch-fork.ts';

/** Job hosts for tests that kill or count them: `pids` has those of all that were started, the newest last. */
export function recordingLauncher(): JobLauncher & { readonly pids: readonly number[] } {
  const inner = forkLauncher(join(import.meta.dirname, '../compute/job-host.ts'));
  const pids: number[] = [];
  return {
    pids,
    launch: () => {
      const transport = inner.launch();
      pids.push(transport.pid ?? 0);
      return transport;
    },
  };
}
