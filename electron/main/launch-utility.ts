import { constants } from 'node:os';
import { type UtilityProcess, utilityProcess } from 'electron';
import { ALL_ARRIVED, says } from '../../shared/domain/job-farewell.ts';
import type { JobLauncher, JobTransport, ProcessExit } from '../services/job-transport.ts';

/** Time for the rest of what a process printed to arrive after its end, in milliseconds. */
const LAST_WORDS_MS = 500;

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
      child.on('message', (message: unknown) => {
        if (!says(message, ALL_ARRIVED.asks)) listener(message);
        else if (!ended) child.postMessage(ALL_ARRIVED.answer);
      });
    },
    onExit: (listener) => {
      child.once('exit', (code) => {
        const exit = exitOf(code);
        let told = false;
        const tell = (): void => {
          if (!told) listener(exit);
          told = true;
        };
        // What the process printed last may still be on its way.
        if (!child.stderr || exit.code === 0) tell();
        else {
          child.stderr.once('close', tell);
          setTimeout(tell, LAST_WORDS_MS);
        }
      });
    },
    onStderr: (listener) => {
      child.stderr?.setEncoding('utf8').on('data', listener);
    },
    kill: () => killNow(child),
  };
}

/** Chromium reports a process that a signal ended with the signal's number. A job host itself ends with 0, 1 or 2. */
function exitOf(code: number): ProcessExit {
  if (process.platform === 'win32' || code <= 2) return { code, signal: null };
  const number = code > 128 ? code - 128 : code;
  const signal = Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;
  return { code: null, signal };
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
