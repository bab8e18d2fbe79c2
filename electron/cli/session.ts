import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../shared/domain/errors.ts';
import type { JobRow } from '../../shared/domain/library.ts';
import { defaultLibrary } from '../services/data-folder.ts';
import { forkLauncher } from '../services/launch-fork.ts';
import type { Library, LibraryOptions } from '../services/library.ts';
import { openLibrary } from '../services/open-library.ts';
import { createOutput, type Output } from './output.ts';
import { showProgress } from './progress.ts';

/** The options that every command takes. */
export interface GlobalOptions {
  readonly library?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly maxMemory?: number;
}

export interface Session {
  readonly library: Library;
  readonly output: Output;
}

/** Opens the library for one command, shows its jobs' progress and closes it again, also on Ctrl+C. */
export async function withLibrary<T>(
  options: GlobalOptions,
  serves: NonNullable<LibraryOptions['serves']>,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const output = outputOf(options);
  const library = await openLibrary(options.library ?? defaultLibrary(), {
    launcher: forkLauncher(jobHostFile()),
    serves,
    maxMemory: options.maxMemory,
  });
  library.events.on('app.notice', ({ error }) => {
    output.say(error.message);
  });
  const progress = showProgress(library.events, output.quiet);
  let interrupted = false;
  const stop = (): void => {
    if (interrupted) process.exit(130);
    interrupted = true;
    output.say(
      'Stopping: what is done is kept, and “pairlight resume” goes on from there. Press Ctrl+C again to stop at once.',
    );
    void library.dispose().finally(() => process.exit(130));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    return await work({ library, output });
  } finally {
    progress.stop();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    if (!interrupted) await library.dispose();
  }
}

export function outputOf(options: GlobalOptions): Output {
  return createOutput({ json: options.json ?? false, quiet: options.quiet ?? false });
}

/** The job host: beside the built command line, or the source file when the command line runs from sources. */
function jobHostFile(): string {
  const built = join(import.meta.dirname, 'job-host.js');
  return existsSync(built) ? built : join(import.meta.dirname, '..', 'compute', 'job-host.ts');
}

/** Waits for a job; anything but `done` becomes an error. @throws AppError with the job's own error. */
export async function finished(library: Library, id: string): Promise<JobRow> {
  const job = await library.jobs.wait(id);
  if (job.state === 'done') return job;
  if (job.error) throw AppError.fromData(job.error);
  throw new AppError('cancelled', `${job.title} was ${job.state}.`, { retry: true });
}

/** Finds what a person means by `text` among things with ids and names: the id, a unique beginning of it, or the name. */
export function choose<T extends { readonly id: string }>(
  things: readonly T[],
  text: string,
  kind: string,
  nameOf: (thing: T) => string,
): T {
  const exact = things.find(({ id }) => id === text);
  if (exact) return exact;
  const matches = things.filter((thing) => nameOf(thing) === text || thing.id.startsWith(text));
  const [only, ...others] = matches;
  if (only && others.length === 0) return only;
  const listed = (matches.length > 0 ? matches : things).slice(0, 12).map((thing) => `${thing.id} (${nameOf(thing)})`);
  throw new AppError(
    matches.length > 0 ? 'invalid-input' : 'not-found',
    matches.length > 0
      ? `${kind}: “${text}” fits several: ${listed.join(', ')}. Give the id.`
      : `${kind}: there is no “${text}” in this library.${listed.length > 0 ? ` It has ${listed.join(', ')}.` : ''}`,
  );
}
