import { spawn, spawnSync } from 'node:child_process';

/**
 * Runs a command to its end.
 * `capture` keeps its output (and returns it); otherwise its output goes to our standard error, so that our standard
 * output stays free for results. `timeout` is in milliseconds; 0 means none.
 * Resolves with { status, output }; status is 127 when the command does not exist, 128 when a signal ended it.
 */
export function run(command, args, { cwd, env, capture = false, timeout = 0, stdio } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: env ? { ...process.env, ...env } : process.env,
      stdio: stdio ?? (capture ? ['ignore', 'pipe', 'pipe'] : ['ignore', 2, 2]),
      ...(timeout > 0 ? { timeout, killSignal: 'SIGKILL' } : {}),
    });
    const chunks = [];
    child.stdout?.on('data', (chunk) => chunks.push(chunk));
    child.stderr?.on('data', (chunk) => chunks.push(chunk));
    const output = () => Buffer.concat(chunks).toString('utf8');
    child.on('error', (error) => resolve({ status: 127, output: error.message }));
    child.on('close', (status) => resolve({ status: status ?? 128, output: output() }));
  });
}

/** True when the command answers to `args` with exit status 0. */
export function answers(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}
