import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** Runs one of this folder's programs: an order in on standard input, what it wrote on standard output out. */
export async function runChild(program: string, order: object): Promise<string> {
  const child = spawn(process.execPath, [join(import.meta.dirname, program)], {
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const [output, words] = [text(child.stdout), text(child.stderr)];
  const gone = once(child, 'exit');
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(order));
  const [status] = (await gone) as [number | null];
  if (status !== 0) throw new Error(`${program} failed. ${(await words).trim().slice(-2000)}`);
  return output;
}
