import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Examples } from '../attacks/base/examples.ts';
import type { Standing } from '../attacks/base/journal.ts';
import { CODE_VERSION } from '../attacks/version.ts';
import { openOutcome } from '../attacks/base/outcome.ts';
import { openState, stateHash } from './state.ts';
import type { EvaluationState } from './state.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pairlight-state-'));
});
afterEach(() => rm(folder, { recursive: true }));

const examples: Examples = {
  images: Float32Array.of(0.25, 0.75),
  labels: Int32Array.of(0, 1),
  indices: Uint32Array.of(0, 1),
  shape: [1, 1, 1],
};
const opened = (): Standing => ({
  outcomes: [openOutcome(examples, Float32Array.of(2, 1, 1, 2), 2, false)],
  restart: 0,
  done: new Uint8Array(2),
  seconds: 0,
});
const open = (hash: string, saveEvery?: number): Promise<EvaluationState> =>
  openState(folder, hash, ['a', 'b'], () => ({ work: 3, seconds: 4 }), saveEvery);

/** A part with one restart behind it and one example broken in the second one. */
function changed(): Standing {
  const standing = { ...opened(), restart: 1, done: Uint8Array.of(0, 1), seconds: 7.5 };
  const [outcome] = standing.outcomes;
  outcome!.succeeded[1] = 1;
  outcome!.adversarial[1] = 0.5;
  outcome!.distance[1] = 0.25;
  outcome!.robustAfter.push(2);
  outcome!.nonFinite = 5;
  return standing;
}

describe('the state of an evaluation', () => {
  it('is told apart by the version of the attacks and by all that it follows from', () => {
    expect(stateHash(['pgd'])).toBe(stateHash(['pgd'], CODE_VERSION));
    const hashes = [
      stateHash(['pgd']),
      stateHash(['bim']),
      stateHash(['pgd'], '0.0.9 1'),
      stateHash(['pgd'], '0.1.0 0'),
    ];
    expect(new Set(hashes).size).toBe(4);
  });

  it('gives back how far a running part had come, with the time that its limit has counted', async () => {
    const first = await open('x', 0);
    const standing = changed();
    expect(first.journal('a', () => undefined).begin(opened())).toEqual(opened());
    await first.journal('a', () => undefined).note(standing);
    const second = await open('x');
    expect(second.earlier).toEqual({ work: 3, seconds: 4 });
    expect(second.journal('b', () => undefined).begin(opened())).toEqual(opened());
    expect(second.journal('a', () => undefined).begin(opened())).toEqual(standing);
  });

  it('is saved when the time for it has come, and before a stop', async () => {
    const first = await open('x', 3_600_000);
    await first.journal('a', () => undefined).note(changed());
    expect([first.saved(), (await open('x')).saved()]).toEqual([false, false]);
    await first.flush();
    expect((await open('x')).saved()).toBe(true);
  });

  it('of another request counts for nothing, and is removed', async () => {
    const first = await open('x', 0);
    await first.journal('a', () => undefined).note(changed());
    const other = await open('y');
    expect([other.saved(), other.putAway]).toEqual([false, true]);
    const again = await open('x');
    expect([again.saved(), again.putAway]).toEqual([false, false]);
  });

  it('knows the parts that are finished, and forgets what was noted of them while they ran', async () => {
    const first = await open('x', 0);
    await first.journal('a', () => undefined).note(changed());
    await first.finish('a', { pieces: [], notes: ['slow'] });
    const second = await open('x');
    expect(second.finished('a')).toMatchObject({ pieces: [], notes: ['slow'] });
    expect(second.finished('b')).toBeUndefined();
    expect(second.journal('a', () => undefined).begin(opened())).toEqual(opened());
  });
});
