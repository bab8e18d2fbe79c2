import { type UtilityProcess, utilityProcess } from 'electron';
import type { JobLauncher, JobTransport } from '../services/job-transport.ts';

/**
 * Starts job hosts as Electron utility processes. Chromium ends them with the application, however that ends.
 * @param jobHost path of the built `job-host.js`.
 */
export function utilityLauncher(jobHost: string): JobLauncher {
  return { launch: () => launch(jobHost) };
}

function launch(jobHost: string): JobTransport {
  const child = utilityProcess.fork(jobHost, [], { serviceName: 'Pairlight job', stdio: ['ignore', 'ignore', 'pipe'] });
  let ended = false;
  child.once('exit', () => {
    ended = true;
  });
  return {
    get pid() {
      return child.pid;
    },
    send: (message) => {
      if (!ended) child.postMessage(message);
    },
    onMessage: (listener) => {
      child.on('message', listener);
    },
    onExit: (listener) => {
      child.once('exit', (code) => listener(endedBySignal(code) ? null : code));
    },
    onStderr: (listener) => {
      child.stderr?.setEncoding('utf8').on('data', listener);
    },
    kill: () => killNow(child),
  };
}

/** Chromium reports a process that a signal ended with the signal's number. A job host itself ends with 0, 1 or 2. */
function endedBySignal(code: number): boolean {
  return process.platform !== 'win32' && code > 2;
}

/** `UtilityProcess.kill` asks politely (SIGTERM); a host that hangs in native code needs more. */
function killNow(child: UtilityProcess): void {
  if (child.pid === undefined) {
    // Not started yet: there is no process to signal until it has been.
    child.once('spawn', () => killNow(child));
    return;
  }
  try {
    process.kill(child.pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
