import { TIME_PARTS, type SpeedPoint, type TimePart } from '../../../shared/domain/speed.ts';

/** Says where the time of a training goes. All time belongs to exactly one part: work within work counts for the inner. */
export interface StepClock {
  /** Milliseconds so far; pauses do not count. */
  readonly elapsed: number;
  within<T>(part: TimePart | 'pause', work: () => Promise<T>): Promise<T>;
  withinSync<T>(part: TimePart, work: () => T): T;
  /** What came of each part since the last call. */
  lap(): SpeedPoint['time'];
  /** Milliseconds since the last lap. */
  readonly sinceLap: number;
}

/** @param now milliseconds */
export function createStepClock(now = (): number => performance.now()): StepClock {
  const none = (): Record<TimePart, number> =>
    Object.fromEntries(TIME_PARTS.map((part) => [part, 0])) as Record<TimePart, number>;
  let spent = none();
  let part: TimePart | 'pause' = 'other';
  let since = now();
  let elapsed = 0;
  let lapStart = 0;

  /** Books the time until now, then goes on with `next`. */
  const turn = (next: TimePart | 'pause'): void => {
    const time = now();
    if (part !== 'pause') {
      spent[part] += time - since;
      elapsed += time - since;
    }
    since = time;
    part = next;
  };

  return {
    get elapsed() {
      turn(part);
      return elapsed;
    },
    get sinceLap() {
      turn(part);
      return elapsed - lapStart;
    },
    async within(inner, work) {
      const outer = part;
      turn(inner);
      try {
        return await work();
      } finally {
        turn(outer);
      }
    },
    withinSync(inner, work) {
      const outer = part;
      turn(inner);
      try {
        return work();
      } finally {
        turn(outer);
      }
    },
    lap() {
      turn(part);
      const lapped = spent;
      spent = none();
      lapStart = elapsed;
      return lapped;
    },
  };
}
