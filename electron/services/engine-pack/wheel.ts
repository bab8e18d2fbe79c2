import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../shared/domain/errors.ts';
import { runCommand } from './command.ts';
import { sha256OfFile } from './hash.ts';
import type { Wheel } from './recipe.ts';

const POLL_MS = 250;

/** The interpreter for which wheels are fetched, whatever Python is installed here; `--platform` has its value after it. */
const SELECTORS = ['--python-version', '3.11', '--implementation', 'cp', '--platform'];

async function bytesIn(folder: string): Promise<number> {
  let total = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])) {
    if (entry.isFile())
      total += await stat(join(entry.parentPath, entry.name)).then(
        (found) => found.size,
        () => 0,
      );
  }
  return total;
}

function lastLines(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return (
    lines
      .filter((line) => line.startsWith('ERROR'))
      .slice(-2)
      .join(' ') || lines.slice(-2).join(' ')
  );
}

/**
 * Fetches a wheel into `folder` with pip and checks its SHA-256; reports the fraction fetched (0 to 1).
 * Resolves with the wheel's path.
 * @throws AppError `engine-pack` when pip is missing, the wheel cannot be had or fails its check.
 */
export async function fetchWheel(
  { requirement, platform, bytes, sha256 }: Wheel,
  folder: string,
  options: { readonly onFraction?: (fraction: number) => void; readonly signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const python = process.env.PAIRLIGHT_PYTHON ?? 'python3';
  let reached = 0;
  const report = (done: number): void => {
    const fraction = Math.min(1, done / bytes);
    if (fraction <= reached) return;
    reached = fraction;
    options.onFraction?.(fraction);
  };
  const timer = setInterval(() => void bytesIn(folder).then(report), POLL_MS);
  try {
    const quiet = ['--quiet', '--no-input', '--disable-pip-version-check', '--no-cache-dir'];
    const result = await runCommand(
      python,
      [
        '-m',
        'pip',
        'download',
        ...quiet,
        '--no-deps',
        '--only-binary=:all:',
        ...SELECTORS,
        platform,
        '--dest',
        folder,
        requirement,
      ],
      // pip writes to its temporary folder first: kept on the same disk, so that progress shows and a move is cheap.
      { signal: options.signal, env: { ...process.env, TMPDIR: folder } },
    );
    if (result.missing || /No module named pip/.test(result.output)) {
      throw new AppError(
        'engine-pack',
        `The engine pack is fetched with pip, and "${python} -m pip" does not work here. Install Python 3 with pip ` +
          '(Debian and Ubuntu: sudo apt-get install python3-pip) and try again.',
      );
    }
    if (result.status !== 0) {
      throw new AppError(
        'engine-pack',
        `pip could not download ${requirement}: ${lastLines(result.output)} Check the network connection and try again.`,
        { retry: true },
      );
    }
  } finally {
    clearInterval(timer);
    reached = 1;
  }
  const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new AppError('engine-pack', `pip downloaded no wheel for ${requirement}.`);
  const found = await sha256OfFile(join(folder, wheel), options.signal);
  if (found !== sha256) {
    throw new AppError(
      'engine-pack',
      `${wheel} fails its SHA-256 check and was not used: expected ${sha256}, found ${found}.`,
      {
        details: { expected: sha256, found },
      },
    );
  }
  return join(folder, wheel);
}
