import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface ProgramTime {
  readonly seconds: number;
  /** Of it and its children. */
  readonly cpuSeconds: number;
}

/** What Pillow takes for a folder of JPEGs, from the launch of Python to its end. */
export async function timePillow(
  python: string,
  folder: string,
  processes: number,
  mode: 'fit' | 'draft',
  scratch: string,
): Promise<ProgramTime> {
  const started = performance.now();
  const script = join(import.meta.dirname, 'pillow.py');
  const child = spawn(python, [script, folder, String(processes), mode, join(scratch, 'pillow.u8')], {
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, words] = [text(child.stdout), text(child.stderr)];
  const [status] = (await once(child, 'exit')) as [number | null];
  if (status !== 0) throw new Error(`Pillow failed. ${(await words).trim().slice(-1000)}`);
  return { seconds: (performance.now() - started) / 1000, cpuSeconds: Number(await output) };
}
