import type { JobProgress } from '../../shared/domain/job.ts';
import type { TargetResult } from '../../shared/domain/evaluation.ts';
import type { TrainPoint } from '../../shared/domain/train-point.ts';
import type { StoredJob } from '../store/jobs.ts';
import { AppError } from '../../shared/domain/errors.ts';
import type { JobNews } from './job-process.ts';
import { rememberJob } from './pack-verdict.ts';
import type { Session } from './session.ts';

/** At most 20 updates a second reach listeners. */
const SEND_EVERY_MS = 50;
/** The database hears of progress this often, for other processes and the next start. */
const STORE_EVERY_MS = 1_000;

interface Desk {
  points: TrainPoint[];
  progress: JobProgress | null;
  partial: TargetResult[] | null;
  storedAt: number;
  storedPartialAt: number;
}

/** Takes what running jobs say, hands it on coalesced, and stores what must outlive this process. */
export interface NewsDesk {
  receive(job: StoredJob, news: JobNews): void;
  /** Hands on what is still held back of one job, before its end. */
  flush(id: string): void;
  dispose(): void;
}

export function createNewsDesk(
  { store, events, changed }: Session,
  queue: {
    readonly setPaused: (id: string, paused: boolean) => void;
    readonly setProgress: (id: string, progress: JobProgress) => void;
    readonly onError: (error: unknown) => void;
  },
): NewsDesk {
  const desks = new Map<string, Desk>();
  const told = new Set<string>();

  const deskOf = (id: string): Desk => {
    const desk = desks.get(id) ?? { points: [], progress: null, partial: null, storedAt: 0, storedPartialAt: 0 };
    desks.set(id, desk);
    return desk;
  };

  const send = (id: string, desk: Desk, last: boolean): void => {
    const { points, progress, partial } = desk;
    const now = Date.now();
    if (points.length > 0) events.emit('run.points', { id, points });
    if (progress) {
      queue.setProgress(id, progress);
      if (last || now - desk.storedAt >= STORE_EVERY_MS) {
        store.jobs.update(id, { progress });
        desk.storedAt = now;
      }
    }
    if (partial) {
      events.emit('evaluation.partial', { id, targets: partial });
      if (last || now - desk.storedPartialAt >= STORE_EVERY_MS) {
        store.evaluations.setPartial(id, partial);
        desk.storedPartialAt = now;
      }
    }
    Object.assign(desk, { points: [], progress: null, partial: null });
  };
  /** Each note once, however many jobs say it. */
  const tell = (note: string, code: 'engine-unavailable' | 'unsupported'): void => {
    if (told.has(note)) return;
    told.add(note);
    events.emit('app.notice', { severity: 'warning', error: new AppError(code, note).toData() });
  };
  const timer = setInterval(() => {
    for (const [id, desk] of desks) send(id, desk, false);
  }, SEND_EVERY_MS);
  timer.unref();

  return {
    receive: (job, news) => {
      switch (news.type) {
        case 'state':
          queue.setPaused(job.id, news.state === 'paused');
          return;
        case 'engine':
          store.jobs.update(job.id, { engine: news.engine });
          changed();
          rememberJob(store, news.engine, news.note).catch(queue.onError);
          if (news.note !== null) tell(news.note, 'engine-unavailable');
          return;
        case 'note':
          tell(news.note, 'unsupported');
          return;
        case 'checkpoint':
          store.runs.setCheckpoint(job.id, news.step);
          changed();
          return;
        case 'point':
          deskOf(job.id).points.push(news.point);
          return;
        case 'progress':
          deskOf(job.id).progress = news.progress;
          return;
        case 'partial':
          deskOf(job.id).partial = news.targets;
          return;
        case 'check-partial':
          // There are few of them, minutes apart.
          store.checks.setPartial(job.id, news.items);
          events.emit('check.partial', { id: job.id, items: news.items });
      }
    },
    flush: (id) => {
      const desk = desks.get(id);
      if (desk) send(id, desk, true);
      desks.delete(id);
    },
    dispose: () => {
      clearInterval(timer);
      desks.clear();
    },
  };
}
