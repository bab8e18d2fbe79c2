import { AppError } from '../../shared/domain/errors.ts';
import type { ErrorData } from '../../shared/domain/errors.ts';
import { OVER_MEMORY, memoryReport } from '../../shared/domain/job.ts';
import type { JobKind } from '../../shared/domain/job.ts';
import { memoryText } from '../../shared/domain/memory.ts';
import type { ProcessExit } from './job-transport.ts';

/** Signals by which a fault in native code ends a process. */
const NATIVE_FAULTS = ['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGABRT', 'SIGFPE', 'SIGTRAP'];
/** What V8 and C++ say before they end a process for want of memory. */
const NO_MEMORY =
  /heap out of memory|process out of memory|V8 javascript OOM|std::bad_alloc|allocation failed|Cannot allocate memory/i;
/** Lines that TensorFlow's libraries print in the course of their work, and the stack of an error with Node's signature. */
const CHATTER =
  /^(\d{4}-\d\d-\d\d [\d:.]+: [IW] |[IW]\d{4} |WARNING: All log messages before absl|To enable the following|at .*:\d+\)?$|Node\.js v)/;
/** Comes before what only a developer can read. */
const TRACE = '----- Native stack trace -----';
/** Lines that say why a process ends, whatever comes after them. */
const FATAL = /FATAL|Fatal|terminate called|what\(\):|^\d{4}-\d\d-\d\d [\d:.]+: F |^F\d{4} |Check failed|^\w*Error: /;

/**
 * Why a job's process ended without a last message, for a person.
 * @param printed the end of what it printed on standard error.
 * @param killed whether this process ended it.
 */
export function explainExit(kind: JobKind, exit: ProcessExit, printed: string, killed: boolean): ErrorData {
  const lines = (printed.split(TRACE)[0] ?? '').split('\n').map((line) => line.trim());
  const report = overMemory(lines, kind);
  if (report) return report;
  if (NO_MEMORY.test(printed)) {
    return outOfMemory(`The job's process found no more memory and ended. ${advice(kind)}`).toData();
  }
  return crashed(howEnded(exit, killed), lastWords(lines));
}

/** A job's process that ended, or had to be ended, without a result. @param what it did; completes “The job's process …”. */
export function crashed(what: string, words: string | null = null): ErrorData {
  const said = words === null ? '' : ` Its last words: ${words}`;
  return new AppError('job-crashed', `The job's process ${what}.${said}`, { retry: true }).toData();
}

function howEnded({ code, signal }: ProcessExit, killed: boolean): string {
  if (signal === 'SIGKILL' && !killed) {
    return (
      'was killed by the system (SIGKILL), most likely because memory ran out. Use a smaller batch or fewer examples, ' +
      'close other programs, or give jobs a limit with --max-memory, which ends them in order'
    );
  }
  if (signal !== null && NATIVE_FAULTS.includes(signal)) {
    return (
      `crashed in native code (${signal}). Resume the job; if it happens again, verify the engine pack in the Engines ` +
      'view or choose another engine'
    );
  }
  return code === null ? 'was killed' : `ended with status ${code}`;
}

function lastWords(lines: readonly string[]): string | null {
  const said = lines.filter((line) => line !== '' && !CHATTER.test(line));
  return said.find((line) => FATAL.test(line)) ?? said.at(-1) ?? null;
}

function overMemory(lines: readonly string[], kind: JobKind): ErrorData | null {
  const line = lines.findLast((each) => each.startsWith(OVER_MEMORY));
  if (line === undefined) return null;
  const { used, limit } = memoryReport.parse(JSON.parse(line.slice(OVER_MEMORY.length)));
  const text = `The job used ${memoryText(used)} of memory; its limit is ${memoryText(limit)}.`;
  return outOfMemory(`${text} ${advice(kind)} Or raise the limit.`, { used, limit }).toData();
}

function outOfMemory(message: string, details: ErrorData['details'] = {}): AppError {
  return new AppError('out-of-memory', message, { details, retry: true });
}

function advice(kind: JobKind): string {
  if (kind === 'train') {
    return (
      'It goes on from its last checkpoint; with more micro-batches a step (accumulation) it needs less memory; the ' +
      'update stays the same, except for batch normalisation and CLP, which see each part by itself. Or start a new run with a smaller batch.'
    );
  }
  return 'Use a smaller batch, fewer examples or fewer models at once.';
}
