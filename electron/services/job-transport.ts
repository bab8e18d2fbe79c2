import type { OwnerMessage } from '../../shared/domain/job.ts';

/** How a process ended: with a status, or by a signal; neither is known of one that could not be started. */
export interface ProcessExit {
  readonly code: number | null;
  /** Such as `SIGSEGV`. */
  readonly signal: string | null;
}

/** A started job host process, however it was started: `utilityProcess` in the window, `fork` elsewhere. */
export interface JobTransport {
  readonly pid: number | undefined;
  send(message: OwnerMessage): void;
  /** Messages as they come, unchecked. */
  onMessage(listener: (message: unknown) => void): void;
  /** Once, after the process has ended and everything that it printed has been handed on. */
  onExit(listener: (exit: ProcessExit) => void): void;
  /** What the process prints on standard error, for the log. */
  onStderr(listener: (text: string) => void): void;
  /** Ends the process at once (SIGKILL). */
  kill(): void;
}

/** Starts the job host, `out/main/job-host.js`, as a process of its own. */
export interface JobLauncher {
  launch(): JobTransport;
}
