import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import { CHECK_ITEMS, type CheckItem } from '../../shared/domain/check.ts';
import type { JobRow } from '../../shared/domain/library.ts';
import type { LibraryEvents } from '../services/events.ts';

/** Bars for the jobs of a library, on a terminal; a line at each start and end elsewhere. Stops with `stop`. */
export function showProgress(events: LibraryEvents, quiet: boolean): { readonly stop: () => void } {
  if (quiet) return { stop: () => undefined };
  return process.stderr.isTTY ? showBars(events) : showLines(events);
}

function showBars(events: LibraryEvents): { readonly stop: () => void } {
  const bars = new MultiBar(
    {
      format: '{title} [{bar}] {percentage}% {value}/{total} {unit}, {rate}, {left} left  {message}',
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
      linewrap: false,
    },
    Presets.shades_grey,
  );
  const shown = new Map<string, SingleBar>();
  const off = events.on('job.changed', (job) => {
    const { progress } = job;
    const known = shown.get(job.id);
    if (isOver(job)) {
      if (known) bars.remove(known);
      shown.delete(job.id);
      return;
    }
    if (!progress) return;
    const payload = {
      title: job.title,
      unit: progress.unit,
      message: progress.message,
      rate: progress.rate === null ? '–' : `${progress.rate.toFixed(progress.rate < 10 ? 1 : 0)}/s`,
      left: progress.secondsLeft === null ? '–' : `${Math.ceil(progress.secondsLeft)} s`,
    };
    const bar = known ?? bars.create(progress.total, 0, payload);
    shown.set(job.id, bar);
    bar.setTotal(progress.total);
    bar.update(progress.done, payload);
  });
  const offParts = events.on('check.partial', ({ items }) => {
    const part = newest(items);
    if (part !== null) bars.log(`${part}\n`);
  });
  const offTasks = events.on('dataset.task', ({ id, task, done, total, unit, message }) => {
    const key = `${task} ${id}`;
    const known = shown.get(key);
    if (done >= total) {
      if (known) bars.remove(known);
      shown.delete(key);
      return;
    }
    const payload = { title: task, unit, message, rate: '–', left: '–' };
    const bar = known ?? bars.create(total, 0, payload);
    shown.set(key, bar);
    bar.setTotal(total);
    bar.update(done, payload);
  });
  return {
    stop: () => {
      off();
      offParts();
      offTasks();
      bars.stop();
    },
  };
}

function showLines(events: LibraryEvents): { readonly stop: () => void } {
  const states = new Map<string, string>();
  const off = events.on('job.changed', (job) => {
    if (states.get(job.id) === job.state) return;
    states.set(job.id, job.state);
    process.stderr.write(`${job.title}: ${job.state}\n`);
  });
  const offParts = events.on('check.partial', ({ items }) => {
    const part = newest(items);
    if (part !== null) process.stderr.write(`${part}\n`);
  });
  return {
    stop: () => {
      off();
      offParts();
    },
  };
}

/** The part of a masking check that was done last, as a line. */
function newest(items: readonly CheckItem[]): string | null {
  const item = items.at(-1);
  return item ? `${items.length}/${CHECK_ITEMS.length} ${item.title}: ${item.verdict}` : null;
}

function isOver({ state }: JobRow): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled' || state === 'interrupted';
}
