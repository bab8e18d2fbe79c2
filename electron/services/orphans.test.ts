import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isAlive } from '../store/lease.ts';

const jobHost = join(import.meta.dirname, '../compute/job-host.ts');

/** A step that never comes back: the main thread of the host is busy from 1.5 s after its start on. */
const HANG = 'data:text/javascript,setTimeout(() => { for (;;); }, 1500)';

test('a job host that hangs dies with its owner', async () => {
  const script = `
    import { fork } from 'node:child_process';
    const host = fork(${JSON.stringify(jobHost)}, [], { execArgv: ['--import', ${JSON.stringify(HANG)}], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    host.once('message', (message) => process.send({ pid: host.pid, ...message }));
  `;
  const owner = fork('-', [], {
    execArgv: ['--input-type=module', '-e', script],
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [ready] = (await once(owner, 'message')) as [{ readonly pid: number; readonly type: string }];
  expect(ready.type).toBe('ready');
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  expect(isAlive(ready.pid)).toBe(true);
  owner.kill('SIGKILL');
  for (let waited = 0; isAlive(ready.pid) && waited < 8_000; waited += 100) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const survived = isAlive(ready.pid);
  if (survived) process.kill(ready.pid, 'SIGKILL');
  expect(survived).toBe(false);
});
