import { describe, expect, it } from 'vitest';
import { alternate, pairsOf, type Contestant, type Pace, type SideSamples } from './alternate.ts';
import type { Sample } from './results.ts';

const pace: Pace = { rounds: 4, sampleSeconds: 1, quietSeconds: 0 };

/** A side that says it takes so long for a repetition, and notes when it is asked. */
function contestant(name: string, seconds: number, asked: string[], change: Partial<Contestant> = {}): Contestant {
  return {
    name,
    warmUp: 2,
    rounds: null,
    ...change,
    async measure(times) {
      asked.push(`${name}${times}`);
      return {
        type: 'measured',
        seconds: seconds * times,
        cpuSeconds: 2 * seconds * times,
        repetitions: times,
        peakBytes: 1000 * asked.length,
        robust: null,
      };
    },
  };
}

const sample = (secondsEach: number, others: number): Sample => ({
  secondsEach,
  cpuSecondsEach: 0,
  others,
  robust: null,
});
const side = (...samples: readonly Sample[]): SideSamples => ({ name: '', samples, peakBytes: 0, failure: null });

describe('the alternation', () => {
  it('warms every side up, then lets them take turns, forwards and backwards', async () => {
    const asked: string[] = [];
    const samples = await alternate([contestant('a', 0.5, asked), contestant('b', 0.25, asked)], pace);
    expect(asked.slice(0, 4)).toEqual(['a2', 'a1', 'b2', 'b1']);
    expect(asked.slice(4)).toEqual(['a2', 'b4', 'b4', 'a2', 'a2', 'b4', 'b4', 'a2']);
    expect(samples.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(samples.map(({ peakBytes }) => peakBytes)).toEqual([12_000, 11_000]);
  });

  it('makes samples of about the length that was asked for, of at least one repetition, and gives the time of one', async () => {
    const asked: string[] = [];
    const [slow, fast] = await alternate([contestant('a', 30, asked), contestant('b', 0.01, asked)], pace);
    expect(asked.slice(4, 6)).toEqual(['a1', 'b100']);
    expect(slow?.samples.map(({ secondsEach }) => secondsEach)).toEqual([30, 30, 30, 30]);
    expect(fast?.samples[0]?.secondsEach).toBeCloseTo(0.01, 12);
    expect(fast?.samples[0]?.cpuSecondsEach).toBeCloseTo(0.02, 12);
  });

  it('measures single repetitions without a warm-up where that is what it is told', async () => {
    const asked: string[] = [];
    await alternate([contestant('a', 1, asked, { warmUp: 0 })], { rounds: 2, sampleSeconds: 0, quietSeconds: 0 });
    expect(asked).toEqual(['a1', 'a1']);
  });

  it('goes on without a side that fails, and says why', async () => {
    const asked: string[] = [];
    const broken: Contestant = { ...contestant('b', 1, asked), measure: () => Promise.reject(new Error('no memory')) };
    const [good, bad] = await alternate([contestant('a', 1, asked), broken], pace);
    expect(good?.samples).toHaveLength(4);
    expect(bad).toMatchObject({ samples: [], failure: 'no memory' });
  });

  it('lets a side sit out after the rounds that it has', async () => {
    const asked: string[] = [];
    const once = { warmUp: 0, rounds: 1 };
    const sides = [contestant('a', 1, asked, { warmUp: 0 }), contestant('b', 1, asked, once)];
    const [all, one] = await alternate(sides, { rounds: 3, sampleSeconds: 0, quietSeconds: 0 });
    expect(asked).toEqual(['a1', 'b1', 'a1', 'a1']);
    expect([all?.samples.length, one?.samples.length]).toEqual([3, 1]);
  });
});

describe('pairs', () => {
  it('are samples of the same round, disturbed if either was', () => {
    const pairs = pairsOf(
      side(sample(1, 0), sample(2, 0.2), sample(3, 0)),
      side(sample(4, 0.09), sample(5, 0), sample(6, 0.5)),
    );
    expect(pairs).toEqual([
      { ours: 1, theirs: 4, disturbed: false },
      { ours: 2, theirs: 5, disturbed: true },
      { ours: 3, theirs: 6, disturbed: true },
    ]);
  });
});
