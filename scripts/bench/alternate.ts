import { DISTURBANCE, waitForQuiet, watchOthers } from './machine.ts';
import { median, type Pair } from './statistics.ts';
import type { Measured } from './protocol.ts';
import type { Sample } from './results.ts';

/** A side as the rounds see it: a process that measures when it is asked to. */
export interface Contestant {
  readonly name: string;
  /** Repetitions before the first sample: compiling, caches, thread pools. */
  readonly warmUp: number;
  /** It sits out all rounds after so many; null: it takes part in all. */
  readonly rounds: number | null;
  measure(times: number): Promise<Measured>;
}

export interface SideSamples {
  readonly name: string;
  /** One for each round that it took part in, in order. */
  readonly samples: readonly Sample[];
  readonly peakBytes: number;
  /** Why it left before the last round; null if it did not. */
  readonly failure: string | null;
}

export interface Pace {
  readonly rounds: number;
  /** A sample takes about so many seconds: as many repetitions as that needs. 0: one repetition. */
  readonly sampleSeconds: number;
  /** Longest wait for a quiet machine before a round, in seconds. */
  readonly quietSeconds: number;
}

/** Threads of the side before may wait for more work with open eyes for a moment. */
const REST_MS = 50;

/**
 * Measures sides in rounds, A B C A B C …, so that what drifts on the machine meets all of them. Only one computes at a
 * time. Every second round runs in the opposite order. A side that fails is out, and the others go on without it.
 */
export async function alternate(sides: readonly Contestant[], pace: Pace): Promise<readonly SideSamples[]> {
  const kept = sides.map(() => ({ samples: [] as Sample[], peakBytes: 0, times: 1, failure: null as string | null }));
  const attempt = async (own: { failure: string | null }, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      own.failure = error instanceof Error ? error.message : String(error);
    }
  };
  for (const [index, side] of sides.entries()) {
    const own = kept[index];
    if (side.warmUp === 0 || !own) continue;
    await attempt(own, async () => {
      await side.measure(side.warmUp);
      const { seconds, repetitions } = await side.measure(1);
      own.times = Math.max(1, Math.round((pace.sampleSeconds * repetitions) / seconds));
    });
  }
  for (let round = 0; round < pace.rounds; round += 1) {
    const order = [...sides.entries()].filter(([, side]) => round < (side.rounds ?? pace.rounds));
    if (round % 2 === 1) order.reverse();
    if (pace.quietSeconds > 0) await waitForQuiet(pace.quietSeconds);
    for (const [index, side] of order) {
      const own = kept[index];
      if (!own || own.failure !== null) continue;
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
      await attempt(own, async () => {
        const watched = watchOthers();
        const { seconds, cpuSeconds, repetitions, peakBytes, robust } = await side.measure(own.times);
        own.samples.push({
          secondsEach: seconds / repetitions,
          cpuSecondsEach: cpuSeconds / repetitions,
          others: watched(cpuSeconds),
          robust,
        });
        own.peakBytes = Math.max(own.peakBytes, peakBytes);
      });
    }
  }
  return sides.map(({ name }, index) => ({
    name,
    samples: kept[index]?.samples ?? [],
    peakBytes: kept[index]?.peakBytes ?? 0,
    failure: kept[index]?.failure ?? null,
  }));
}

/** Rounds of two sides as pairs. */
export function pairsOf(ours: SideSamples, theirs: SideSamples): readonly Pair[] {
  return ours.samples.flatMap((sample, round) => {
    const other = theirs.samples[round];
    if (!other) return [];
    const disturbed = sample.others > DISTURBANCE || other.others > DISTURBANCE;
    return [{ ours: sample.secondsEach, theirs: other.secondsEach, disturbed }];
  });
}

/** Medians of a side's samples, for the table. */
export function medianSample({ samples }: SideSamples): Pick<Sample, 'secondsEach' | 'cpuSecondsEach'> {
  return {
    secondsEach: median(samples.map((sample) => sample.secondsEach)),
    cpuSecondsEach: median(samples.map((sample) => sample.cpuSecondsEach)),
  };
}
