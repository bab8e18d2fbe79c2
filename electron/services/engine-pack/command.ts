import { spawn } from 'node:child_process';

export interface CommandResult {
  /** Exit status; null when the program does not exist or a signal ended it. */
  readonly status: number | null;
  readonly missing: boolean;
  /** Standard output and standard error together, the last 64 KiB of them. */
  readonly output: string;
}

const KEPT = 65_536;

/**
 * Runs a program to its end, without a shell.
 * Rejects only when the signal aborts it (with the signal's reason); the program is ended then.
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
    });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-KEPT);
    };
    const stop = (): void => void child.kill('SIGTERM');
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    options.signal?.addEventListener('abort', stop, { once: true });
    if (options.signal?.aborted) stop();
    const finish = (result: CommandResult): void => {
      options.signal?.removeEventListener('abort', stop);
      if (options.signal?.aborted) reject(options.signal.reason as Error);
      else resolve(result);
    };
    child.on('error', (error) => finish({ status: null, missing: true, output: error.message }));
    child.on('close', (status) => finish({ status, missing: false, output }));
  });
}
