import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../shared/domain/errors.ts';

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Holds the right to install `engine` below `engines` until disposed. A lock whose process has ended is taken over.
 * @throws AppError `conflict` while another process (or another call in this one) holds it.
 */
export async function holdInstallLock(engines: string, engine: string): Promise<AsyncDisposable> {
  const file = join(engines, `${engine}.lock`);
  const mine = `${file}.${process.pid}`;
  for (;;) {
    try {
      // A link appears together with its content, so that nobody ever reads an empty lock.
      await writeFile(mine, String(process.pid));
      await link(mine, file);
      return { [Symbol.asyncDispose]: () => rm(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new AppError('io', `${engines} cannot be written: ${(error as Error).message}`, { cause: error });
      }
    } finally {
      await rm(mine, { force: true });
    }
    const holder = Number(await readFile(file, 'utf8').catch(() => ''));
    if (holder > 0 && alive(holder)) {
      throw new AppError(
        'conflict',
        `Process ${holder} is installing the ${engine} engine pack already. Wait for it to end.`,
        {
          retry: true,
        },
      );
    }
    await rm(file, { force: true });
  }
}
