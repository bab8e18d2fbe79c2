import { spawn, type ChildProcess } from 'node:child_process';

export interface CommandResult {
  /** Exit status; null when the program does not exist or a signal ended it. */
  readonly status: number | null;
  readonly missing: boolean;
  /** Standard output and standard error together, the last 64 KiB of them. */
  readonly output: string;
}

const KEPT = 65_536;
/** Elsewhere a process group is a window of its own. */
const OWN_GROUP = process.platform !== 'win32';

/** Time to end of its own accord when aborted, in milliseconds. */
const STOP_TIMEOUT_MS = 3_000;

/**
 * Runs a program to its end, without a shell.
 * Rejects only when the signal aborts it (with the signal's reason); the program is ended then, and what it started:
 * a compiler's driver does not end its compiler.
 */
export function runCommand(
  program: string,
  args: readonly string[],
  options: { readonly signal?: AbortSignal | undefined; readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: OWN_GROUP,
    });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-KEPT);
    };
    let timer: NodeJS.Timeout | undefined;
    const stop = (): void => {
      end(child, 'SIGTERM');
      timer = setTimeout(() => end(child, 'SIGKILL'), STOP_TIMEOUT_MS);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    options.signal?.addEventListener('abort', stop, { once: true });
    if (options.signal?.aborted) stop();
    const finish = (result: CommandResult): void => {
      options.signal?.removeEventListener('abort', stop);
      clearTimeout(timer);
      if (options.signal?.aborted) reject(options.signal.reason as Error);
      else resolve(result);
    };
    child.on('error', (error) => finish({ status: null, missing: true, output: error.message }));
    child.on('close', (status) => finish({ status, missing: false, output }));
  });
}

/** Sends the signal to the program and everything that it started. */
function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (!OWN_GROUP || child.pid === undefined) {
    child.kill(signal);
    return;
  }
  try {
    process.kill(-child.pid, signal);
  } catch {
    // They have all ended.
  }
}
