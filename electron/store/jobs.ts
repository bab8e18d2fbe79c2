import type { EngineInfo } from '../../shared/domain/engine.ts';
import type { ErrorData } from '../../shared/domain/errors.ts';
import type { JobKind, JobProgress } from '../../shared/domain/job.ts';
import type { JobRow } from '../../shared/domain/library.ts';
import type { RunState } from '../../shared/domain/training.ts';
import type { Database } from './database.ts';
import { fromJsonOrNull, toJsonOrNull } from './json.ts';

/** What a user asked of a job that another process may be running. */
export type JobWish = 'pause' | 'resume' | 'cancel';

/** A job as it is stored: what the window sees, and what the queue needs. */
export interface StoredJob extends JobRow {
  /** JSON of the job's options where no entity holds them (imports). */
  readonly options: string;
  /** Token of the process that made it. */
  readonly creator: string;
  /** Go on from the last checkpoint. */
  readonly resume: boolean;
  readonly wish: JobWish | null;
}

export interface NewJob {
  readonly id: string;
  readonly kind: JobKind;
  readonly title: string;
  readonly creator: string;
  readonly options?: string;
}

export type JobChange = Partial<{
  readonly state: RunState;
  readonly progress: JobProgress | null;
  readonly error: ErrorData | null;
  readonly engine: EngineInfo | null;
  readonly started: string | null;
  readonly ended: string | null;
  readonly wish: JobWish | null;
  readonly resume: boolean;
  readonly creator: string;
  readonly options: string;
}>;

/** Where a job is, as far as it decides what may be done to it. `started`: it has a process, or had one that died. */
export type JobStage = 'waiting' | 'unstarted' | 'started' | 'resumable';

const STAGES: Readonly<Record<JobStage, string>> = {
  waiting: `state = 'waiting'`,
  unstarted: `state IN ('waiting', 'paused') AND started IS NULL`,
  started: `state IN ('running', 'paused') AND started IS NOT NULL`,
  resumable: `(state IN ('failed', 'cancelled', 'interrupted') OR (state = 'paused' AND started IS NULL))`,
};

export interface JobStore {
  add(job: NewJob): void;
  get(id: string): StoredJob | undefined;
  /** Jobs whose outcome is not in the bin, newest last. */
  list(): StoredJob[];
  inState(...states: readonly RunState[]): StoredJob[];
  update(id: string, change: JobChange): void;
  /** Changes the job if it is in that stage at this moment; false, and nothing changed, if it is not. */
  updateIf(id: string, stage: JobStage, change: JobChange): boolean;
  /**
   * Makes a waiting job a running one; false if it is not waiting any more, or `token` does not hold the queue's lease:
   * what comes after may rely on nobody else starting the job.
   */
  claim(id: string, token: string): boolean;
  /** Puts the job at the end of the queue. */
  toEnd(id: string): void;
  /** Puts a waiting job at `position` among the waiting ones. */
  move(id: string, position: number): void;
}

interface Raw {
  readonly id: string;
  readonly kind: JobKind;
  readonly title: string;
  readonly state: RunState;
  readonly position: number;
  readonly options: string;
  readonly creator: string;
  readonly resume: number;
  readonly wish: JobWish | null;
  readonly progress: string | null;
  readonly error: string | null;
  readonly engine: string | null;
  readonly created: string;
  readonly started: string | null;
  readonly ended: string | null;
}

/** `position` counts the waiting jobs before a waiting one; -1 for all others. */
const SELECT = `SELECT *, CASE state WHEN 'waiting' THEN
    (SELECT count(*) FROM jobs AS other WHERE other.state = 'waiting' AND other.rank < jobs.rank) ELSE -1 END AS position
  FROM jobs`;

const NOT_IN_BIN = `id NOT IN (
  SELECT id FROM datasets WHERE deleted IS NOT NULL UNION ALL SELECT id FROM runs WHERE deleted IS NOT NULL
  UNION ALL SELECT id FROM evaluations WHERE deleted IS NOT NULL UNION ALL SELECT id FROM galleries WHERE deleted IS NOT NULL
  UNION ALL SELECT id FROM checks WHERE deleted IS NOT NULL)`;

export function jobStore(db: Database): JobStore {
  const nextRank = (): number =>
    db.get<{ rank: number }>('SELECT coalesce(max(rank), 0) + 1 AS rank FROM jobs')?.rank ?? 1;

  const updateWhere = (id: string, condition: string, change: JobChange): boolean => {
    const columns = Object.entries(change).map(([key, value]) => [key, columnValue(key, value)] as const);
    if (columns.length === 0) return false;
    const changed = db.run(
      `UPDATE jobs SET ${columns.map(([key]) => `${key} = ?`).join(', ')} WHERE id = ? AND ${condition}`,
      ...columns.map(([, value]) => value),
      id,
    );
    return changed === 1;
  };

  return {
    add: (job) => {
      db.transaction(() => {
        db.run(
          `INSERT INTO jobs (id, kind, title, state, rank, options, creator, created) VALUES (?, ?, ?, 'waiting', ?, ?, ?, ?)`,
          job.id,
          job.kind,
          job.title,
          nextRank(),
          job.options ?? '{}',
          job.creator,
          new Date().toISOString(),
        );
      });
    },
    get: (id) => {
      const row = db.get<Raw>(`${SELECT} WHERE id = ?`, id);
      return row && toJob(row);
    },
    list: () => db.all<Raw>(`${SELECT} WHERE ${NOT_IN_BIN} ORDER BY rank`).map(toJob),
    inState: (...states) =>
      db
        .all<Raw>(`${SELECT} WHERE state IN (SELECT value FROM json_each(?)) ORDER BY rank`, JSON.stringify(states))
        .map(toJob),
    update: (id, change) => {
      updateWhere(id, 'TRUE', change);
    },
    updateIf: (id, stage, change) => updateWhere(id, STAGES[stage], change),
    claim: (id, token) =>
      db.run(
        `UPDATE jobs SET state = 'running', started = ?, ended = NULL, error = NULL, progress = NULL, wish = NULL
          WHERE id = ? AND state = 'waiting' AND EXISTS (SELECT 1 FROM lease WHERE id = 1 AND token = ?)`,
        new Date().toISOString(),
        id,
        token,
      ) === 1,
    toEnd: (id) => {
      db.transaction(() => db.run('UPDATE jobs SET rank = ? WHERE id = ?', nextRank(), id));
    },
    move: (id, position) => {
      db.transaction(() => {
        const waiting = db.all<{ id: string; rank: number }>(
          `SELECT id, rank FROM jobs WHERE state = 'waiting' ORDER BY rank`,
        );
        const order = waiting.map((job) => job.id).filter((other) => other !== id);
        if (order.length === waiting.length) return;
        order.splice(position, 0, id);
        // The same ranks, dealt out in the new order, leave all other jobs where they are.
        order.forEach((other, index) =>
          db.run('UPDATE jobs SET rank = ? WHERE id = ?', waiting[index]?.rank ?? 0, other),
        );
      });
    },
  };
}

function columnValue(key: string, value: JobChange[keyof JobChange]): string | number | null {
  if (key === 'progress' || key === 'error' || key === 'engine') return toJsonOrNull(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'string' ? value : null;
}

function toJob(row: Raw): StoredJob {
  const { rank: _, ...kept } = row as Raw & { readonly rank: number };
  return {
    ...kept,
    resume: row.resume === 1,
    progress: fromJsonOrNull(row.progress),
    error: fromJsonOrNull(row.error),
    engine: fromJsonOrNull(row.engine),
  };
}

/** The part of a job that everybody may see. */
export function publicJob(job: StoredJob): JobRow {
  const { options: _options, creator: _creator, resume: _resume, wish: _wish, ...row } = job;
  return row;
}
