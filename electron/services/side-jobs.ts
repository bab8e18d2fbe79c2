import { mkdir, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { AppError } from '../../shared/domain/errors.ts';
import type { JobProgress, JobResult, JobSpec } from '../../shared/domain/job.ts';
import type { Store } from '../store/store.ts';
import { packForJobs } from './engines.ts';
import { JobProcess } from './job-process.ts';
import type { JobLauncher } from './job-transport.ts';

type SideKind = 'probe-model' | 'describe-module' | 'dataset-task';
type SideSpec = Extract<JobSpec, { readonly kind: SideKind }>;
type OwnPart<S extends SideSpec> = S extends SideSpec
  ? Omit<S, 'id' | 'folder' | 'enginePack' | 'enginePackFault' | 'threads' | 'maxMemory'>
  : never;

/** How long a job may go on after its first sign of progress before its process is ended, and what is then said. */
export interface TimeLimit {
  readonly milliseconds: number;
  readonly message: string;
}

/** Who wants to know how far a job is, or to end it. */
export interface Watcher {
  readonly onProgress?: (progress: JobProgress) => void;
  /** Its abortion cancels the job, whose error is then `cancelled`. */
  readonly signal?: AbortSignal;
}

/** Short jobs that answer a question at once, in a process of their own beside the queue. */
export interface SideJobs {
  /** @throws AppError, the job's own error among others, and `job-crashed` with the words of a limit that it passed. */
  run<K extends SideKind>(
    job: OwnPart<Extract<SideSpec, { readonly kind: K }>>,
    limit?: TimeLimit | null,
    watcher?: Watcher,
  ): Promise<Extract<JobResult, { readonly kind: K }>>;
  dispose(): void;
}

export function createSideJobs(store: Store, launcher: JobLauncher): SideJobs {
  const running = new Set<JobProcess>();
  const answer = (spec: SideSpec, limit: TimeLimit | null, { onProgress, signal }: Watcher): Promise<JobResult> =>
    new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const process = new JobProcess(launcher, spec, {
        onNews: (news) => {
          const { type } = news;
          if (news.type === 'progress') onProgress?.(news.progress);
          // From here on the time is the job's own, however long its process took to start and to load.
          if (limit === null || type !== 'progress' || timer !== undefined) return;
          timer = setTimeout(() => {
            reject(new AppError('job-crashed', limit.message));
            process.kill();
          }, limit.milliseconds);
        },
        onEnd: (end) => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', cancel);
          running.delete(process);
          if (end.type === 'done') resolve(end.result);
          else reject(AppError.fromData(end.error));
        },
      });
      const cancel = (): void => process.cancel();
      signal?.addEventListener('abort', cancel);
      running.add(process);
      if (signal?.aborted) cancel();
    });
  return {
    run: async <K extends SideKind>(
      job: OwnPart<Extract<SideSpec, { readonly kind: K }>>,
      limit: TimeLimit | null = null,
      watcher: Watcher = {},
    ) => {
      if (watcher.signal?.aborted) throw new AppError('cancelled', 'Cancelled.');
      const id = `${job.kind}-${randomUUID().slice(0, 8)}`;
      const folder = store.folder.scratch(id);
      await mkdir(folder, { recursive: true });
      try {
        const hosted = { id, folder, ...(await packForJobs()), threads: availableParallelism() };
        const result = await answer({ ...job, ...hosted }, limit, watcher);
        if (result.kind === job.kind) return result as Extract<JobResult, { readonly kind: K }>;
        throw new AppError('internal', `A job of the kind ${job.kind} gave a result of the kind ${result.kind}.`);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    dispose: () => {
      for (const process of running) process.kill();
    },
  };
}
