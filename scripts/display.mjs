import { spawn } from 'node:child_process';

/**
 * A virtual display for as long as it is needed. Resolves with { name, stop }, or with { reason } when there is none.
 * Where a display is there already, that one is used and `stop` does nothing.
 */
export function openDisplay() {
  if (process.platform !== 'linux') return Promise.resolve({ name: undefined, stop() {} });
  if (process.env.DISPLAY) return Promise.resolve({ name: process.env.DISPLAY, stop() {} });
  return new Promise((resolve) => {
    // Xvfb picks a free display itself and writes its number to the fourth stream.
    const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '2000x1200x24', '-nolisten', 'tcp'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    server.on('error', () =>
      resolve({ reason: 'no display, and Xvfb is not installed (Debian and Ubuntu: apt-get install xvfb)' }),
    );
    server.on('exit', () => resolve({ reason: 'no display, and Xvfb could not be started' }));
    server.stdio[3].once('data', (data) => resolve({ name: `:${String(data).trim()}`, stop: () => server.kill() }));
  });
}
