import { speedSummary, TIME_PARTS, type SpeedPoint, type TimePart } from '../../shared/domain/speed.ts';
import type { TrainPoint } from '../../shared/domain/train-point.ts';

/** One part of the time, as a piece of a bar. */
export interface TimeShare {
  readonly part: TimePart;
  /** Milliseconds a step; what comes between steps is spread over them. */
  readonly milliseconds: number;
  /** 0…1 of all parts. */
  readonly share: number;
  readonly colour: string;
}

/** What the speed panel of a run shows. */
export interface RunSpeed {
  readonly examplesPerSecond: number;
  /** Examples a second over time, as shares 0…1 of the highest. */
  readonly rates: readonly number[];
  readonly millisecondsPerStep: number;
  /** Parts that took time, in the order of a step. */
  readonly shares: readonly TimeShare[];
  /** Bytes. */
  readonly memory: number;
  readonly peakMemory: number;
  readonly tensors: number;
  readonly tensorBytes: number;
}

const COLOURS: Readonly<Record<TimePart, string>> = {
  data: 'var(--c5)',
  attack: 'var(--c1)',
  update: 'var(--c0)',
  report: 'var(--c3)',
  validation: 'var(--c2)',
  checkpoint: 'var(--c4)',
  other: 'var(--c7)',
};
/** Points of the small curve. */
const MOST_RATES = 60;
/** Parts below this share of the time are not listed. */
const LEAST_SHARE = 0.001;

/** The speed of a run by the points of its metrics; null before the first second. */
export function runSpeed(points: readonly TrainPoint[]): RunSpeed | null {
  const stretches = points.filter((point): point is SpeedPoint => point.type === 'speed');
  const summary = speedSummary(stretches);
  const last = stretches.at(-1);
  if (!summary || !last) return null;
  const width = Math.ceil(stretches.length / MOST_RATES);
  const rates: number[] = [];
  for (let start = 0; start < stretches.length; start += width) {
    rates.push(speedSummary(stretches.slice(start, start + width))?.examplesPerSecond ?? 0);
  }
  const highest = Math.max(...rates);
  const all = TIME_PARTS.reduce((sum, part) => sum + summary.time[part], 0);
  return {
    examplesPerSecond: summary.examplesPerSecond,
    rates: rates.map((rate) => (highest > 0 ? rate / highest : 0)),
    millisecondsPerStep: summary.millisecondsPerStep,
    shares: TIME_PARTS.map((part) => ({
      part,
      milliseconds: summary.time[part] / summary.steps,
      share: summary.time[part] / all,
      colour: COLOURS[part],
    })).filter(({ share }) => share >= LEAST_SHARE),
    memory: last.memory.process,
    peakMemory: summary.peakMemory,
    tensors: last.memory.tensors,
    tensorBytes: last.memory.tensorBytes,
  };
}
