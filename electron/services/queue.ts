import { appendFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { AppError, toAppError } from '../../shared/domain/errors.ts';
import type { JobProgress } from '../../shared/domain/job.ts';
import type { JobRow } from '../../shared/domain/library.ts';
import type { RunState } from '../../shared/domain/training.ts';
import { publicJob } from '../store/jobs.ts';
import type { JobChange, JobStage, JobWish, StoredJob } from '../store/jobs.ts';
import { createNewsDesk } from './job-news.ts';
import { discardUnfinished, storeOutcome } from './job-outcomes.ts';
import { JobProcess, STOP_TIMEOUT_MS } from './job-process.ts';
import type { JobEnd } from './job-process.ts';
import { goesOn, jobFolder, jobSpecOf } from './job-specs.ts';
import type { PackForJobs } from './job-specs.ts';
import type { JobLauncher } from './job-transport.ts';
import { freeSlot, threadsFor, waitsForCarried } from './slots.ts';
import type { SlotRules } from './slots.ts';
import { missing, relimited } from './session.ts';
import type { Session } from './session.ts';
import { clearFolder } from './starting-weights.ts';

export interface QueueOptions {
  readonly launcher: JobLauncher;
  readonly serves: 'all' | 'own' | 'none';
  readonly enginePack: () => Promise<PackForJobs>;
  /** Limit of the memory of jobs that have none of their own, in bytes; null: none. */
  readonly maxMemory: () => number | null;
  /** How many jobs may run at once, as of now. */
  readonly slots: () => Promise<SlotRules>;
}

/** The library's jobs: this process runs them while it holds the lease, any process may ask for anything. */
export interface Queue {
  list(): JobRow[];
  get(id: string): JobRow;
  running(): JobRow[];
  /** Holds a waiting or running job. It gives its place to the next one meanwhile. */
  pause(id: string): void;
  /**
   * Lets a paused job go on, or queues one again that ended without a result. There are no more jobs at once than the
   * slots allow: a paused job stays paused until there is a place, and gets it before the waiting ones.
   */
  resume(id: string): void;
  cancel(id: string): void;
  move(id: string, position: number): void;
  wait(id: string): Promise<JobRow>;
  /** Looks for work soon: something was queued or changed. */
  nudge(): void;
  /** Stops this process's jobs so that they can be resumed, and releases the lease. */
  dispose(): Promise<void>;
}

const TICK_MS = 500;
const HEARTBEAT_MS = 3_000;
const GOES_ON_LATER = 'Goes on when another job leaves its place';
const ENDED: readonly RunState[] = ['done', 'failed', 'cancelled', 'interrupted'];

/** A job counts as started while it has a process. */
const QUEUED_AGAIN: JobChange = {
  state: 'waiting',
  error: null,
  started: null,
  ended: null,
  progress: null,
  wish: null,
};

interface Running {
  readonly process: JobProcess;
  paused: boolean;
  progress: JobProgress | null;
}

/** Starts serving the queue of a library. */
export function createQueue(session: Session, options: QueueOptions): Queue {
  const { store, events, token } = session;
  const running = new Map<string, Running>();
  const waiters = new Map<string, ((job: JobRow) => void)[]>();
  let holdsLease = false;
  let lastBeat = 0;
  let closing = false;
  let busy: Promise<void> | null = null;
  let again = false;
  let seenVersion = store.database.foreignVersion();

  const stored = (id: string): StoredJob => store.jobs.get(id) ?? missing('job', id);
  const toRow = (job: StoredJob): JobRow => {
    const progress = running.get(job.id)?.progress ?? job.progress;
    const held = progress !== null && job.state === 'paused' && job.wish === 'resume';
    return { ...publicJob(job), progress: held ? { ...progress, message: GOES_ON_LATER } : progress };
  };
  const get = (id: string): JobRow => toRow(stored(id));
  const isMine = (job: StoredJob): boolean => options.serves === 'all' || job.creator === token;

  const announce = (id: string): void => {
    const job = get(id);
    events.emit('job.changed', job);
    if (ENDED.includes(job.state)) {
      for (const resolve of waiters.get(id) ?? []) resolve(job);
      waiters.delete(id);
    }
  };
  const setState = (id: string, change: JobChange): void => {
    store.jobs.update(id, change);
    announce(id);
    session.changed();
  };
  const changeIf = (id: string, stage: JobStage, change: JobChange): boolean => {
    if (!store.jobs.updateIf(id, stage, change)) return false;
    announce(id);
    session.changed();
    return true;
  };
  const report = (thrown: unknown): void =>
    events.emit('app.notice', { severity: 'error', error: toAppError(thrown).toData() });
  const news = createNewsDesk(session, {
    onError: report,
    setPaused: (id, paused) => {
      const job = running.get(id);
      if (job) job.paused = paused;
      changeIf(id, 'started', { state: paused ? 'paused' : 'running' });
    },
    setProgress: (id, progress) => {
      const job = running.get(id);
      if (job) job.progress = progress;
      announce(id);
    },
  });

  /** What another lease holder left running when it died. */
  const markOrphans = (): void => {
    const orphans = store.jobs
      .inState('running', 'paused')
      .filter((job) => job.started !== null && !running.has(job.id));
    for (const job of orphans) {
      const error = new AppError('job-crashed', 'Pairlight ended while this job was running. Resume it to go on.', {
        retry: true,
      });
      setState(job.id, { state: 'interrupted', error: error.toData(), ended: new Date().toISOString(), wish: null });
    }
  };

  const keepLease = (wanted: boolean): void => {
    const now = Date.now();
    if (holdsLease && now - lastBeat >= HEARTBEAT_MS) {
      lastBeat = now;
      holdsLease = store.lease.renew(token);
      // Asleep for too long: another process has taken over and calls these jobs its own.
      if (!holdsLease) for (const job of running.values()) job.process.kill();
    }
    if (!holdsLease && wanted && store.lease.acquire(token)) {
      holdsLease = true;
      lastBeat = now;
      markOrphans();
    }
  };

  const start = async (id: string, rules: SlotRules): Promise<void> => {
    // Paused, cancelled or moved on meanwhile, or the lease lost: then it is not for this look to start.
    if (!store.jobs.claim(id, token)) return;
    const job = stored(id);
    announce(id);
    session.changed();
    try {
      const folder = jobFolder(store, job);
      const spec = jobSpecOf(store, job, {
        ...(await options.enginePack()),
        threads: threadsFor(store, rules, job, availableParallelism()),
        maxMemory: options.maxMemory(),
      });
      if (!job.resume) await clearFolder(folder);
      await mkdir(folder, { recursive: true });
      const process = new JobProcess(options.launcher, spec, {
        onNews: (message) => news.receive(job, message),
        onEnd: (end) => void conclude(id, end),
        onStderr: (text) => appendLog(join(folder, 'job.log'), text),
      });
      running.set(id, { process, paused: false, progress: null });
    } catch (thrown) {
      fail(stored(id), 'failed', toAppError(thrown));
    }
  };

  const conclude = async (id: string, end: JobEnd): Promise<void> => {
    const process = running.get(id)?.process;
    try {
      news.flush(id);
      // Without the lease the job, and what becomes of it, is another process's by now.
      if (holdsLease) await settle(stored(id), end, process);
    } catch (thrown) {
      attempt(() => fail(stored(id), 'failed', toAppError(thrown)));
    }
    // Memory comes back with the process: only then is its place free.
    await process?.waitForExit(2 * STOP_TIMEOUT_MS);
    running.delete(id);
    attempt(() => announce(id));
    session.changed();
    nudge();
  };

  const settle = async (job: StoredJob, end: JobEnd, process?: JobProcess): Promise<void> => {
    if (end.type === 'done') {
      await storeOutcome(store, job, end.result);
      return;
    }
    const error = AppError.fromData(end.error);
    const cancelled = error.code === 'cancelled';
    if (closing && (cancelled || end.type === 'crashed')) {
      const message = 'Pairlight was closed while this job was running. Resume it to go on.';
      fail(job, 'interrupted', new AppError('cancelled', message, { retry: true }));
      return;
    }
    if (!cancelled) await process?.waitForExit(STOP_TIMEOUT_MS);
    await discardUnfinished(store, job, error);
    if (cancelled) fail(job, 'cancelled', null);
    else fail(job, end.type === 'crashed' ? 'interrupted' : 'failed', error);
  };

  const fail = (job: StoredJob, state: 'failed' | 'cancelled' | 'interrupted', error: AppError | null): void => {
    setState(job.id, { state, error: error?.toData() ?? null, ended: new Date().toISOString(), wish: null });
    if (error && state !== 'cancelled' && !closing) {
      const titled = new AppError(error.code, `${job.title}: ${error.message}`, {
        details: error.details,
        retry: error.retry,
      });
      events.emit('app.notice', { severity: 'error', error: titled.toData() });
    }
  };

  /** The jobs that take a place now: a paused one does not. */
  const active = (): StoredJob[] => [...running].filter(([, one]) => !one.paused).map(([id]) => stored(id));

  /** Carries out what was asked of a job, where that is up to this process. */
  const obey = (job: StoredJob, wish: JobWish): void => {
    const own = running.get(job.id);
    if (!own) return;
    if (wish === 'cancel') own.process.cancel();
    else own.process.send({ type: wish });
    // It computes again from here on, not only once its process has said so.
    if (wish === 'resume') own.paused = false;
    store.jobs.update(job.id, { wish: null });
  };

  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (thrown) {
      report(thrown);
    }
  };

  const tick = async (): Promise<void> => {
    const version = store.database.foreignVersion();
    const foreign = version !== seenVersion;
    seenVersion = version;
    if (foreign) {
      session.changed();
      for (const id of waiters.keys()) announce(id);
    }
    if (options.serves === 'none' || closing) return;
    const waiting = store.jobs.inState('waiting').filter(isMine);
    // Who waits for a job finds out that its process is dead.
    keepLease(options.serves === 'all' || waiting.length > 0 || running.size > 0 || waiters.size > 0);
    if (!holdsLease) return;
    const wished = store.jobs.inState('running', 'paused').filter((job) => job.wish !== null);
    const resuming = wished.filter((job) => job.wish === 'resume' && running.get(job.id)?.paused === true);
    for (const job of wished) if (job.wish !== null && !resuming.includes(job)) obey(job, job.wish);
    if (waiting.length === 0 && resuming.length === 0) return;
    const rules = await options.slots();
    for (const { id } of resuming) {
      const job = stored(id);
      if (job.wish === 'resume' && freeSlot(store, rules, active(), job)) obey(job, 'resume');
    }
    for (const job of waiting) {
      if (closing || running.has(job.id) || waitsForCarried(store, job)) continue;
      if (!freeSlot(store, rules, active(), job)) continue;
      await start(job.id, rules);
    }
  };

  const lookForWork = async (): Promise<void> => {
    while (again) {
      again = false;
      await tick().catch(report);
    }
  };
  /** One look at a time; a nudge during one leads to another. */
  const nudge = (): void => {
    again = true;
    // The look begins in a later turn: were it to begin here, a nudge from inside it would find none under way.
    busy ??= Promise.resolve()
      .then(lookForWork)
      .finally(() => {
        busy = null;
      });
  };
  const timer = setInterval(() => {
    if (!closing) nudge();
  }, TICK_MS);
  queueMicrotask(nudge);

  /** Asks something of a job that has a process; false if it has none. */
  const wish = (id: string, what: JobWish): boolean => {
    if (!store.jobs.updateIf(id, 'started', { wish: what })) return false;
    // Going on may have to wait for a place.
    if (what !== 'resume' || running.get(id)?.paused === false) obey(stored(id), what);
    announce(id);
    nudge();
    return true;
  };

  return {
    list: () => store.jobs.list().map(toRow),
    get,
    running: () => [...running.keys()].map(get),
    pause: (id) => {
      if (changeIf(id, 'waiting', { state: 'paused' }) || wish(id, 'pause')) return;
      const job = stored(id);
      if (job.state !== 'paused') throw notNow(job, 'paused');
    },
    resume: (id) => {
      if (wish(id, 'resume')) return;
      const job = stored(id);
      if (job.state === 'waiting') return;
      const resume = job.resume || (goesOn(job.kind) && job.started !== null);
      const queued = store.database.transaction(() => {
        if (
          !store.jobs.updateIf(id, 'resumable', { ...QUEUED_AGAIN, ...relimited(session, job), resume, creator: token })
        )
          return false;
        if (job.kind === 'evaluate') store.evaluations.clear(id);
        store.jobs.toEnd(id);
        return true;
      });
      if (!queued) throw notNow(stored(id), 'resumed');
      announce(id);
      session.changed();
      nudge();
    },
    cancel: (id) => {
      const ended = new Date().toISOString();
      const known = stored(id);
      const cancelled: JobChange = { state: 'cancelled', error: null, ended, wish: null };
      const dropped = changeIf(known.id, 'unstarted', cancelled);
      if ((!dropped && wish(known.id, 'cancel')) || known.kind !== 'import') return;
      // One that stopped could have gone on from what its folder holds.
      if (!dropped) changeIf(known.id, 'resumable', cancelled);
      const job = stored(id);
      if (job.state !== 'cancelled') return;
      discardUnfinished(store, job, new AppError('cancelled', 'Cancelled.')).catch(report);
    },
    move: (id, position) => {
      const job = stored(id);
      if (job.state !== 'waiting') throw notNow(job, 'moved');
      store.jobs.move(id, position);
      session.changed();
    },
    wait: (id) => {
      const job = get(id);
      if (ENDED.includes(job.state)) return Promise.resolve(job);
      return new Promise((resolve) => {
        waiters.set(id, [...(waiters.get(id) ?? []), resolve]);
      });
    },
    nudge,
    dispose: async () => {
      closing = true;
      clearInterval(timer);
      await busy;
      const jobs = [...running.values()];
      for (const job of jobs) job.process.cancel();
      await Promise.all(jobs.map((job) => job.process.waitForExit(2 * STOP_TIMEOUT_MS)));
      // Outcomes are written by `conclude`, which a job leaves only after its process has ended.
      while (running.size > 0) await new Promise((resolve) => setTimeout(resolve, 10));
      news.dispose();
      if (holdsLease) store.lease.release(token);
      holdsLease = false;
    },
  };
}

function appendLog(file: string, text: string): void {
  try {
    appendFileSync(file, text);
  } catch {
    // The log is a convenience; a full disk must not end the job that would have reported it.
  }
}

function notNow(job: StoredJob, what: string): AppError {
  return new AppError('conflict', `${job.title} is ${job.state} and cannot be ${what}.`, {
    details: { id: job.id, state: job.state },
  });
}
