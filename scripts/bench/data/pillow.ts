import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** Seconds that Pillow takes for a folder of JPEGs, from the launch of Python to its end. */
export async function pillowSeconds(
  python: string,
  folder: string,
  processes: number,
  mode: 'fit' | 'draft',
  scratch: string,
): Promise<number> {
  const started = performance.now();
  const script = join(import.meta.dirname, 'pillow.py');
  const child = spawn(python, [script, folder, String(processes), mode, join(scratch, 'pillow.u8')], {
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const words = text(child.stderr);
  const [status] = (await once(child, 'exit')) as [number | null];
  if (status !== 0) throw new Error(`Pillow failed. ${(await words).trim().slice(-1000)}`);
  return (performance.now() - started) / 1000;
}
