import { fork } from 'node:child_process';
import type { JobLauncher, JobTransport, ProcessExit } from './job-transport.ts';

/**
 * Starts job hosts with `child_process.fork`, for the command line and tests.
 * @param jobHost path of `job-host.js` (built) or `job-host.ts`.
 */
export function forkLauncher(jobHost: string): JobLauncher {
  return { launch: () => launch(jobHost) };
}

function launch(jobHost: string): JobTransport {
  const child = fork(jobHost, [], {
    // Under Electron the child must be Node as well; plain Node ignores the variable.
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const killWithOwner = (): void => {
    child.kill('SIGKILL');
  };
  process.on('exit', killWithOwner);
  child.once('exit', () => process.off('exit', killWithOwner));
  return {
    get pid() {
      return child.pid;
    },
    send: (message) => {
      // The channel may close between the check and the write: the exit then tells what happened.
      if (child.connected) child.send(message, () => undefined);
    },
    onMessage: (listener) => {
      child.on('message', listener);
    },
    onExit: (listener) => {
      let told = false;
      const tell = (exit: ProcessExit): void => {
        if (!told) listener(exit);
        told = true;
      };
      // Not `exit`: what the process printed last may still be on its way then.
      child.once('close', (code, signal) => tell({ code, signal }));
      // A process that could not even be started emits no `exit`.
      child.once('error', () => tell({ code: null, signal: null }));
    },
    onStderr: (listener) => {
      child.stderr?.setEncoding('utf8').on('data', listener);
    },
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}
