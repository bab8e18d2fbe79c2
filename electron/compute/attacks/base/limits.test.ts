import { describe, expect, it } from 'vitest';
import { answerNotes, checkExamples } from './input-checks.ts';
import { openLimit } from './limits.ts';
import type { AttackOptions } from '../options.ts';
import { resolveAttack } from '../registry.ts';

const options = (limits: AttackOptions['limits']): AttackOptions => ({
  examples: {
    images: Float32Array.from([0.5]),
    labels: Int32Array.from([0]),
    indices: Uint32Array.from([7]),
    shape: [1, 1, 1],
  },
  plan: resolveAttack({ name: 'pgd', settings: { steps: 20, restarts: 5 } }).plan,
  limits,
  seed: 0,
  batchSize: 1,
  includeMisclassified: false,
  control: { checkpoint: () => Promise.resolve() },
});

describe('limits', () => {
  it('none are none', () => {
    const limit = openLimit(options(undefined));
    expect([limit.allows(0), limit.allows(999)]).toEqual([true, true]);
    expect(limit.note({ starts: 5, of: 5 })).toBeNull();
  });

  it('of work lets whole starts through, and refuses what not one start fits into', () => {
    const limit = openLimit(options({ seconds: null, work: 59 }));
    expect([0, 1, 2].map((restart) => limit.allows(restart))).toEqual([true, true, false]);
    expect(limit.note({ starts: 2, of: 5 })).toMatch(/limit of 59 gradients for each example: 2 of 5 starts/);
    expect(() => openLimit(options({ seconds: null, work: 19 }))).toThrow(/takes up to 20 gradients/);
  });

  it('of seconds ends the attack at a checkpoint, pauses not counted', async () => {
    let time = 0;
    const given = options({ seconds: 2, work: null });
    const control = {
      checkpoint: () => {
        time += 60_000; // A pause.
        return Promise.resolve();
      },
    };
    const limit = openLimit({ ...given, control }, () => time);
    time += 1500;
    await limit.options.control.checkpoint();
    time += 600;
    const thrown = await limit.options.control.checkpoint().catch((error: unknown) => error);
    expect(limit.isReached(thrown)).toBe(true);
    expect(limit.isReached(new Error('something else'))).toBe(false);
    expect(limit.note({ starts: 0, of: 5 })).toMatch(/limit of 2 s: 0 of 5/);
  });

  it('of seconds count what was spent before the attack was killed', async () => {
    let time = 0;
    const limit = openLimit(options({ seconds: 2, work: null }), () => time);
    limit.resume(1.5);
    time += 400;
    await limit.options.control.checkpoint();
    expect(limit.spent()).toBeCloseTo(1.9);
    time += 200;
    const thrown = await limit.options.control.checkpoint().catch((error: unknown) => error);
    expect(limit.isReached(thrown)).toBe(true);
  });
});

describe('what no attack can make sense of', () => {
  const { examples } = options(undefined);
  it.each([
    [{ images: Float32Array.from([1.2]) }, 3, 'bad-data', /Image 7 has a pixel of 1\.2/],
    [{ images: Float32Array.from([Number.NaN]) }, 3, 'bad-data', /Image 7 has a pixel of NaN/],
    [{ labels: Int32Array.from([3]) }, 3, 'bad-data', /label 3, but the model knows 3 classes/],
    [{}, 1, 'invalid-input', /single class/],
  ])('%o with %i classes is refused', (changed, classes, code, message) => {
    const refuse = () => checkExamples({ ...examples, ...changed }, classes);
    expect(refuse).toThrow(message);
    expect(refuse).toThrow(expect.objectContaining({ code }));
  });

  it('a rounding of float32 beside [0, 1] is let through', () => {
    expect(() => checkExamples({ ...examples, images: Float32Array.from([-3e-8]) }, 2)).not.toThrow();
  });
});

describe('odd answers', () => {
  const notes = (logits: number[], labels = [0, 1]) =>
    answerNotes(Float32Array.from(logits), { labels: Int32Array.from(labels) }, 2).join('\n');

  it('are named: NaN, probabilities, one class only', () => {
    expect(notes([Number.NaN, 1, 2, 3])).toMatch(/NaN or infinite for 1 of 2/);
    expect(notes([0.25, 0.75, 1, 0])).toMatch(/probabilities, not logits/);
    expect(notes([0.25, 0.75, 3, -2], [1, 1])).toMatch(/All 2 images are of class 1/);
  });

  it('ordinary logits get no remark, even if one image’s look like probabilities', () => {
    expect(notes([0.25, 0.75, 3, -2])).toBe('');
  });
});
