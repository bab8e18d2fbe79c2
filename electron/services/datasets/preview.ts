import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { ImportPreview } from '../../../shared/domain/dataset.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { ImportPlan } from '../../../shared/domain/import-plan.ts';
import { packForJobs } from '../engines.ts';
import { JobProcess } from '../job-process.ts';
import { importScratch, previewScratch } from '../job-specs.ts';
import type { JobLauncher } from '../job-transport.ts';
import type { Session } from '../session.ts';

/** Looks at what could be imported, each in a process of its own: the window never waits for a disk. */
export interface Previews {
  /** Of a plan with an absolute path. A second call with the same token ends the first, which is then `cancelled`. */
  look(plan: ImportPlan, token: string): Promise<ImportPreview>;
  /** Ends the look under way and removes its scratch files. */
  end(token: string): Promise<void>;
  /** What the last look at `path` found, of those that have not ended. */
  found(path: string): ImportPreview | null;
  /** Gives what was unpacked for a look at `path` to the import `id`. */
  handOver(path: string, id: EntityId): Promise<void>;
  dispose(): void;
}

interface Look {
  readonly path: string;
  process: JobProcess | null;
  found: ImportPreview | null;
  /** Looks with one token follow each other: they share a scratch folder. */
  last: Promise<unknown>;
}

const EXIT_MS = 10_000;

export function createPreviews({ store, events }: Session, launcher: JobLauncher): Previews {
  const looks = new Map<string, Look>();
  const folderOf = (token: string): string => store.folder.scratch(previewScratch(process.pid, token));

  const run = async (plan: ImportPlan, token: string, look: Look): Promise<ImportPreview> => {
    if (looks.get(token) !== look) throw new AppError('cancelled', 'Cancelled.');
    const folder = folderOf(token);
    await mkdir(folder, { recursive: true });
    const spec = {
      kind: 'preview-import' as const,
      id: `preview-import-${token}`,
      folder,
      plan,
      sample: `${token}-${randomBytes(4).toString('hex')}`,
      library: store.folder.root,
      threads: availableParallelism(),
      ...(await packForJobs()),
    };
    return new Promise((done, failed) => {
      const process = new JobProcess(launcher, spec, {
        onNews: (news) => {
          if (news.type !== 'progress') return;
          const { done: part, total, unit, message } = news.progress;
          events.emit('dataset.preview', { token, done: part, total, unit, message });
        },
        onEnd: (end) => {
          // Its folder is free for the next one, or for an import, only then.
          void process.waitForExit(EXIT_MS).then(() => {
            if (look.process === process) look.process = null;
            if (end.type !== 'done') failed(AppError.fromData(end.error));
            else if (end.result.kind === 'preview-import') done(end.result.preview);
            else failed(new AppError('internal', `A preview gave a result of the kind ${end.result.kind}.`));
          });
        },
      });
      look.process = process;
      if (looks.get(token) !== look) process.cancel();
    });
  };

  const stop = (token: string): Promise<unknown> => {
    const look = looks.get(token);
    looks.delete(token);
    look?.process?.cancel();
    return look?.last ?? Promise.resolve();
  };

  return {
    look: (plan, token) => {
      const before = stop(token);
      const look: Look = { path: plan.path, process: null, found: null, last: Promise.resolve() };
      looks.set(token, look);
      const result = before.then(() => run(plan, token, look));
      look.last = result.then(
        (found) => (look.found = found),
        () => undefined,
      );
      return result;
    },
    end: async (token) => {
      await stop(token);
      if (!looks.has(token)) await rm(folderOf(token), { recursive: true, force: true });
    },
    found: (path) => [...looks.values()].find((look) => look.path === path && look.found !== null)?.found ?? null,
    handOver: async (path, id) => {
      const found = [...looks].find(([, look]) => look.path === path && look.process === null);
      if (!found) return;
      looks.delete(found[0]);
      const folder = folderOf(found[0]);
      if (existsSync(folder)) await rename(folder, store.folder.scratch(importScratch(id)));
    },
    dispose: () => {
      for (const { process } of looks.values()) process?.kill();
      looks.clear();
    },
  };
}
