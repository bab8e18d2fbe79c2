import { AppError } from '../../shared/domain/errors.ts';
import type { ErrorData } from '../../shared/domain/errors.ts';
import { hostMessage } from '../../shared/domain/job.ts';
import type { HostMessage, JobResult, JobSpec, OwnerMessage } from '../../shared/domain/job.ts';
import { describeIssues } from '../../shared/domain/settings.ts';
import { crashed, explainExit } from './job-end.ts';
import type { JobLauncher, JobTransport } from './job-transport.ts';

/** How a job ended. `crashed`: its process went away without a last message. */
export type JobEnd =
  | { readonly type: 'done'; readonly result: JobResult }
  | { readonly type: 'error'; readonly error: ErrorData }
  | { readonly type: 'crashed'; readonly error: ErrorData };

export type JobNews = Exclude<HostMessage, { readonly type: 'ready' | 'done' | 'error' }>;

export interface JobListeners {
  readonly onNews: (news: JobNews) => void;
  /** Exactly once, when the outcome is known; the process may live a moment longer. */
  readonly onEnd: (end: JobEnd) => void;
  readonly onStderr?: (text: string) => void;
}

/** Time for a job host to load and say that it is ready, in milliseconds. */
const START_TIMEOUT_MS = 60_000;
/** Time to stop of its own accord after `cancel`, or to exit after its last message. */
export const STOP_TIMEOUT_MS = 5_000;
/** How much of what a process printed is looked through after a crash, in characters. */
const KEPT = 16_000;

/** One job in a process of its own, from launch to exit. */
export class JobProcess {
  readonly #transport: JobTransport;
  readonly #listeners: JobListeners;
  readonly #exited: Promise<void>;
  #end: JobEnd | null = null;
  #alive = true;
  #cancelled = false;
  #killed = false;
  #printed = '';
  #timer: NodeJS.Timeout | null = null;

  constructor(launcher: JobLauncher, spec: JobSpec, listeners: JobListeners) {
    this.#listeners = listeners;
    this.#transport = launcher.launch();
    this.#exited = new Promise((resolve) => {
      this.#transport.onExit((exit) => {
        this.#alive = false;
        this.#clearTimer();
        const error = explainExit(spec.kind, exit, this.#printed, this.#killed);
        // Where the reason is known there is nothing more to find out: it has failed, and is not a crash.
        this.#finish({ type: error.code === 'out-of-memory' ? 'error' : 'crashed', error });
        resolve();
      });
    });
    this.#transport.onStderr((text) => {
      this.#printed = (this.#printed + text).slice(-KEPT);
      listeners.onStderr?.(text);
    });
    this.#transport.onMessage((message) => this.#receive(message, spec));
    this.#killAfter(START_TIMEOUT_MS, 'did not start in time');
  }

  get pid(): number | undefined {
    return this.#transport.pid;
  }

  get alive(): boolean {
    return this.#alive;
  }

  send(message: Exclude<OwnerMessage, { readonly type: 'start' }>): void {
    if (this.#alive && !this.#end) this.#transport.send(message);
  }

  /** Asks the job to stop between two steps; kills the process if it has not ended after 5 s. */
  cancel(): void {
    this.#cancelled = true;
    this.send({ type: 'cancel' });
    this.#killAfter(STOP_TIMEOUT_MS, 'did not stop in time and was ended', 'cancelled');
  }

  /** Ends the process at once; the outcome is that of a crash. */
  kill(): void {
    if (!this.#alive) return;
    this.#killed = true;
    this.#transport.kill();
  }

  /** Resolves with true when the process has ended, or with false after `milliseconds`. */
  async waitForExit(milliseconds: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), milliseconds);
    });
    const exited = await Promise.race([this.#exited.then(() => true), timeout]);
    clearTimeout(timer);
    return exited;
  }

  #receive(message: unknown, spec: JobSpec): void {
    const parsed = hostMessage.safeParse(message);
    if (!parsed.success) {
      const what = `sent a message that cannot be understood (${describeIssues(parsed.error)})`;
      this.#finish({ type: 'crashed', error: crashed(what) });
      this.kill();
      return;
    }
    const news = parsed.data;
    switch (news.type) {
      case 'ready':
        if (this.#cancelled) {
          this.#finish({ type: 'error', error: new AppError('cancelled', 'Cancelled.').toData() });
          this.kill();
          return;
        }
        this.#clearTimer();
        this.#transport.send({ type: 'start', job: spec });
        return;
      case 'done':
      case 'error':
        this.#finish(news);
        this.#killAfter(STOP_TIMEOUT_MS, 'did not exit');
        return;
      default:
        if (!this.#end) this.#listeners.onNews(news);
    }
  }

  #finish(end: JobEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.#listeners.onEnd(end);
  }

  #killAfter(milliseconds: number, what: string, code?: 'cancelled'): void {
    this.#clearTimer();
    this.#timer = setTimeout(() => {
      this.#finish(
        code
          ? { type: 'error', error: new AppError(code, `The job ${what}.`).toData() }
          : { type: 'crashed', error: crashed(what) },
      );
      this.kill();
    }, milliseconds);
  }

  #clearTimer(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
