import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { readFileSync } from 'node:fs';
import type { BenchReport } from './results.ts';

export function describeMachine(): BenchReport['machine'] {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    electron: process.versions.electron ?? null,
  };
}

/** Load average of the last minute. */
export function load(): number {
  return loadavg()[0] ?? 0;
}

/** Share of the whole machine that others may take during a sample before its pair counts as disturbed. */
export const DISTURBANCE = 0.1;

/** Busy time of all processors together since the machine started, in seconds. */
function busySeconds(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1000;
}

/** Starts to watch the machine; the function it gives tells what share of it other processes took since. */
export function watchOthers(): (ownCpuSeconds: number) => number {
  const started = performance.now();
  const busy = busySeconds();
  const own = process.cpuUsage();
  return (ownCpuSeconds) => {
    const wall = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(own);
    const others = busySeconds() - busy - ownCpuSeconds - (user + system) / 1e6;
    return Math.max(0, others / (wall * cpus().length));
  };
}

const LOOK_MS = 250;
const QUIET_LOOKS = 2;

/** Waits until others have left the machine alone for half a second. @returns false if they had not after `seconds`. */
export async function waitForQuiet(seconds: number): Promise<boolean> {
  const deadline = performance.now() + seconds * 1000;
  for (let quiet = 0; performance.now() < deadline;) {
    const others = watchOthers();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    quiet = others(0) < DISTURBANCE ? quiet + 1 : 0;
    if (quiet === QUIET_LOOKS) return true;
  }
  return false;
}

/** Resident memory of a process now and at its peak, in bytes; null where the system does not tell. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } | null {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return null;
  }
  const field = (name: string): number => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
  const [now, peak] = [field('VmRSS'), field('VmHWM')];
  return Number.isFinite(now) && Number.isFinite(peak) ? { now, peak } : null;
}
