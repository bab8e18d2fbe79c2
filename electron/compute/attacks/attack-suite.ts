import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EngineName } from '../../../shared/domain/engine.ts';
import type { AttackSpec } from '../../../shared/domain/evaluation.ts';
import { loadEngine } from '../engines/load.ts';
import { firstExamples, fixtureFile, loadFixture } from '../fixtures/peers.ts';
import type { PeerFixture, PeerName } from '../fixtures/peers.ts';
import { ascentDirection } from './base/direction.ts';
import type { AttackOptions } from './options.ts';
import { countRobust } from './base/outcome.ts';
import { resolveAttack } from './registry.ts';
import { attackTransfer } from './base/transfer.ts';
import { attackWhiteBox } from './base/white-box.ts';

/** Robust accuracy in % that foolbox, torchattacks and ART report (accuracy-*.json of the fixtures). */
const PEERS_PGD40: Readonly<Record<PeerName, readonly [low: number, high: number]>> = {
  'small-nat': [0, 0],
  'small-adv': [29.3, 31.25],
  adv: [47.66, 48.44],
};

/** Peers attack misclassified images too, and judge the last iterate. */
function asPeers(fixture: PeerFixture, name: string, settings: AttackSpec['settings'], count: number): AttackOptions {
  return {
    examples: firstExamples(fixture.examples, count),
    plan: resolveAttack({ name, settings }).plan,
    seed: 0,
    batchSize: 64,
    includeMisclassified: true,
    control: { checkpoint: () => Promise.resolve() },
  };
}

/** What every engine must make of attacks. `missing` says why the engine is not here; its tests are then skipped. */
export function testAttacks(engine: EngineName, enginePack: string | null, missing: string | null): void {
  describe(`attacks on ${engine}`, () => {
    const loaded = new Map<PeerName, PeerFixture>();
    const fixture = async (name: PeerName): Promise<PeerFixture> => {
      const found = loaded.get(name) ?? (await loadFixture(name));
      loaded.set(name, found);
      return found;
    };
    beforeAll(async () => {
      if (missing === null) await loadEngine(engine, { enginePack, deterministic: false });
    });
    beforeEach(({ skip }) => {
      if (missing !== null) skip(missing);
    });

    const DETERMINISTIC = [
      { name: 'fgsm', settings: { epsilon: 0.1 }, stored: 'fgsm' },
      { name: 'bim', settings: { epsilon: 0.1, steps: 10, stepSize: 0.01 }, stored: 'bim' },
      { name: 'fgm', settings: { norm: 'l2', epsilon: 1 }, stored: 'fgm_l2' },
    ] as const;

    it.each(DETERMINISTIC.slice(0, 2))(
      '$name gives the images of foolbox on small-nat, every pixel',
      async ({ name, settings, stored }) => {
        const peers = await fixture('small-nat');
        const outcome = await attackWhiteBox(peers, asPeers(peers, name, settings, 64));
        const expected = peers.array(`adv_${stored}`).data as Float32Array;
        expect(largestDifference(outcome.adversarial, expected)).toBeLessThan(1e-5);
        expect(standing(outcome.lastWrong)).toBe(countRight(peers, `logits_${stored}`, 64));
      },
    );

    // FGM takes the gradient's length too. Where the label's probability p is almost 1, PyTorch's p − 1 has few digits left
    // in float32: computed in float64, FGM differs from foolbox's images in the same eleven by as much (0.0011 in image 28).
    it('fgm gives the images of foolbox on small-nat, but for eleven in which float32 has lost digits', async () => {
      const peers = await fixture('small-nat');
      const outcome = await attackWhiteBox(peers, asPeers(peers, 'fgm', { norm: 'l2', epsilon: 1 }, 64));
      const differing = differingImages(outcome.adversarial, peers.array('adv_fgm_l2').data as Float32Array, 64);
      for (const [image, difference] of differing) {
        expect([0, 1, 3, 10, 25, 27, 28, 30, 32, 35, 56]).toContain(image);
        expect(difference).toBeLessThan(image === 28 ? 1.2e-3 : 4e-4);
      }
      expect(standing(outcome.lastWrong)).toBe(countRight(peers, 'logits_fgm_l2', 64));
    });

    it.each(DETERMINISTIC)('$name gives the images of foolbox on small-adv', async ({ name, settings, stored }) => {
      const peers = await fixture('small-adv');
      const outcome = await attackWhiteBox(peers, asPeers(peers, name, settings, 64));
      const differing = differingImages(outcome.adversarial, peers.array(`adv_${stored}`).data as Float32Array, 64);
      expect(differing).toEqual([]);
      expect(standing(outcome.lastWrong)).toBe(countRight(peers, `logits_${stored}`, 64));
    });

    // Too large for the repository: the tests are there where the file is.
    if (fixtureFile('adv') === null) {
      process.stdout.write(
        `${engine}: fixture-adv.npz is not here (PAIRLIGHT_FIXTURES), so FGSM, BIM and FGM are not compared on it.\n`,
      );
    } else {
      // BIM in float64 (first maxima, exact sums) differs from foolbox's float32 in images 23 and 36 alone, by two steps
      // of one or a few pixels. In image 34 a unit of the second convolution has the exact input 7.7e-9, a tenth of
      // float32's rounding of that sum: it is on in one engine and off in another.
      const near: readonly number[] = [23, 36];
      const kink: readonly number[] = [34];
      it.each(DETERMINISTIC)(
        '$name gives the images of foolbox on adv, but for three in which float32 decides',
        { timeout: 300_000 },
        async ({ name, settings, stored }) => {
          const peers = await fixture('adv');
          const outcome = await attackWhiteBox(peers, asPeers(peers, name, settings, 64));
          const differing = differingImages(outcome.adversarial, peers.array(`adv_${stored}`).data as Float32Array, 64);
          for (const [image, difference] of differing) {
            expect([...near, ...kink]).toContain(image);
            if (near.includes(image)) expect(difference).toBeLessThan(2 * 0.01 + 1e-5);
          }
          expect(standing(outcome.lastWrong)).toBe(countRight(peers, `logits_${stored}`, 64));
        },
      );
    }

    it.each(['small-nat', 'small-adv'] as const)('PGD-40 on %s is as strong as the peers', async (name) => {
      const peers = await fixture(name);
      const settings = { epsilon: 0.3, steps: 40, stepSize: 0.01 };
      const outcome = await attackWhiteBox(peers, { ...asPeers(peers, 'pgd', settings, 256), batchSize: 128 });
      const accuracy = (100 * standing(outcome.lastWrong)) / 256;
      const [low, high] = PEERS_PGD40[name];
      expect(accuracy).toBeGreaterThanOrEqual(low - 2);
      expect(accuracy).toBeLessThanOrEqual(high + 2);
      expect(outcome.nonFinite).toBe(0);
      expect(outcome.violations).toBe(0);
    });

    // The best of the three leaves 44 and 150 of 256, foolbox 49 and 152.
    it.each([
      { fixture: 'small-nat', theirs: 44 },
      { fixture: 'small-adv', theirs: 150 },
    ] as const)('PGD-40 in L2 on $fixture is as strong as the best peer', async ({ fixture: name, theirs }) => {
      const peers = await fixture(name);
      const settings = { norm: 'l2', epsilon: 2, steps: 40, stepSize: 0.125, stopAtSuccess: true };
      const outcome = await attackWhiteBox(peers, { ...asPeers(peers, 'pgd', settings, 256), batchSize: 128 });
      expect(standing(outcome.succeeded)).toBeLessThanOrEqual(theirs + 2);
      expect(outcome.nonFinite).toBe(0);
      expect(outcome.violations).toBe(0);
      expect(outcome.notes).toEqual([]);
    });

    // pyautoattack 0.2.0 leaves 42 of 256 with cross-entropy, 36 with DLR, 56 with 500 queries (medians of three seeds).
    it.each([
      { name: 'apgd', settings: { epsilon: 0.3 }, theirs: 42 },
      { name: 'apgd', settings: { epsilon: 0.3, loss: 'dlr' }, theirs: 36 },
      { name: 'square', settings: { epsilon: 0.3, queries: 500 }, theirs: 56 },
    ])('$name with $settings on small-adv is as strong as pyautoattack', { timeout: 200_000 }, async (attack) => {
      const peers = await fixture('small-adv');
      const options = { ...asPeers(peers, attack.name, attack.settings, 256), includeMisclassified: false };
      const outcome = await attackWhiteBox(peers, options);
      expect(countRobust(outcome)).toBeLessThanOrEqual(attack.theirs + 2);
      expect(outcome.nonFinite).toBe(0);
      expect(outcome.violations).toBe(0);
      expect(outcome.notes).toEqual([]);
    });

    it('a transfer gives the target the images that foolbox made on the source, whether or not those fool the source', async () => {
      const [source, target] = [await fixture('small-nat'), await fixture('small-adv')];
      const options = asPeers(source, 'bim', { epsilon: 0.1, steps: 10, stepSize: 0.01 }, 64);
      const [outcome] = await attackTransfer(source, [target], options);
      const expected = source.array('adv_bim').data as Float32Array;
      expect(largestDifference(outcome?.adversarial ?? new Float32Array(), expected)).toBeLessThan(1e-5);
    });

    it('the ascent direction of a vanishing gradient is its sign, and 0 where it is NaN', () => {
      const gradient = [1e-9, -1e-9, 1e-30, -3e-38, 2, -2, 0, Number.NaN];
      const direction = tf.tidy(() => ascentDirection(tf.tensor1d(gradient)).dataSync<'float32'>());
      expect([...direction]).toEqual([1, -1, 1, -1, 1, -1, 0, 0]);
    });

    it('the batch size changes no decision, whatever the random start', async () => {
      const peers = await fixture('small-adv');
      const settings = { epsilon: 0.25, steps: 8, restarts: 2 };
      const [one, other] = await Promise.all(
        [64, 23].map(async (batchSize) => {
          return attackWhiteBox(peers, { ...asPeers(peers, 'pgd', settings, 64), batchSize });
        }),
      );
      expect(other?.succeeded).toEqual(one?.succeeded);
      expect(other?.iteration).toEqual(one?.iteration);
    });

    it('rows that leave at their first success and rows that take their places change no decision', async () => {
      const peers = await fixture('small-adv');
      const settings = { epsilon: 0.28, steps: 12, restarts: 2 };
      const options = { ...asPeers(peers, 'pgd', settings, 96), includeMisclassified: false };
      const whole = await attackWhiteBox(peers, options);
      for (const batchSize of [96, 20]) {
        const plan = resolveAttack({ name: 'pgd', settings: { ...settings, stopAtSuccess: true } }).plan;
        const stopped = await attackWhiteBox(peers, { ...options, plan, batchSize });
        expect(stopped.succeeded).toEqual(whole.succeeded);
        expect(stopped.iteration).toEqual(whole.iteration);
        expect(stopped.restart).toEqual(whole.restart);
        expect(stopped.notes).toEqual([]);
      }
      expect(new Set(whole.iteration).size).toBeGreaterThan(4);
    });

    it('attacks leave no tensor behind', async () => {
      const [nat, adv] = [await fixture('small-nat'), await fixture('small-adv')];
      const before = tf.memory().numTensors;
      const options = asPeers(nat, 'pgd', { epsilon: 0.3, steps: 6, restarts: 2 }, 32);
      await attackWhiteBox(nat, { ...options, batchSize: 12 });
      const given = { epsilon: 0.3, steps: 12, stopAtSuccess: true };
      await attackWhiteBox(nat, { ...options, plan: resolveAttack({ name: 'pgd', settings: given }).plan });
      await attackWhiteBox(adv, asPeers(adv, 'apgd', { epsilon: 0.3, steps: 20 }, 24));
      await attackWhiteBox(adv, asPeers(adv, 'square', { epsilon: 0.3, queries: 30 }, 24));
      await attackTransfer(nat, [adv], { ...options, batchSize: 12 });
      await attackWhiteBox(adv, { ...options, plan: resolveAttack({ name: 'noise', settings: { trials: 5 } }).plan });
      expect(tf.memory().numTensors).toBe(before);
    });

    it.each([
      { name: 'pgd', settings: { norm: 'l1', epsilon: 20, steps: 16 }, goal: 'untargeted' },
      { name: 'pgd', settings: { norm: 'l2', epsilon: 3, steps: 16, stopAtSuccess: true }, goal: 'next' },
      {
        name: 'mi-fgsm',
        settings: { epsilon: 0.2, steps: 16, nesterov: true, kernel: 5, scales: 2 },
        goal: 'untargeted',
      },
      { name: 'mi-fgsm', settings: { epsilon: 0.2, steps: 8, diversity: 0.7, smallest: 0.7 }, goal: 'random' },
    ] as const)(
      '$name with $settings, goal $goal, runs without a remark and leaves no tensor behind',
      async (attack) => {
        const nat = await fixture('small-nat');
        const before = tf.memory().numTensors;
        const options = { ...asPeers(nat, attack.name, attack.settings, 48), goal: attack.goal, batchSize: 20 };
        const outcome = await attackWhiteBox(nat, options);
        expect(tf.memory().numTensors).toBe(before);
        expect(outcome.notes).toEqual([]);
        expect([outcome.nonFinite, outcome.violations]).toEqual([0, 0]);
        expect(48 - standing(outcome.succeeded)).toBeGreaterThan(attack.goal === 'untargeted' ? 20 : 8);
      },
    );

    it('a cancelled attack leaves no tensor behind', async () => {
      const nat = await fixture('small-nat');
      const before = tf.memory().numTensors;
      let turns = 0;
      const control = { checkpoint: () => (++turns === 5 ? Promise.reject(new Error('stop')) : Promise.resolve()) };
      const options = asPeers(nat, 'pgd', { steps: 40 }, 16);
      await expect(attackWhiteBox(nat, { ...options, control })).rejects.toThrow('stop');
      turns = 0;
      await expect(attackTransfer(nat, [nat], { ...options, control })).rejects.toThrow('stop');
      expect(tf.memory().numTensors).toBe(before);
    });
  });
}

function largestDifference(one: Float32Array, other: Float32Array): number {
  if (one.length !== other.length) return Number.POSITIVE_INFINITY;
  return one.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (other[i] ?? Number.NaN))), 0);
}

/** Images in which some pixel differs by more than 1e-5, with their largest difference. */
function differingImages(
  one: Float32Array,
  other: Float32Array,
  images: number,
): readonly (readonly [number, number])[] {
  const size = one.length / images;
  const part = (array: Float32Array, image: number): Float32Array => array.subarray(image * size, (image + 1) * size);
  return Array.from({ length: images }, (_, image) => image)
    .map((image) => [image, largestDifference(part(one, image), part(other, image))] as const)
    .filter(([, difference]) => difference > 1e-5);
}

function standing(wrong: Uint8Array): number {
  return wrong.reduce((count, value) => count + (value ? 0 : 1), 0);
}

/** Examples that the stored logits classify rightly. */
function countRight(peers: PeerFixture, array: string, count: number): number {
  const logits = peers.array(array).data as Float32Array;
  const classes = peers.network.classes;
  let right = 0;
  for (let row = 0; row < count; row += 1) {
    const own = logits.subarray(row * classes, (row + 1) * classes);
    if (own.indexOf(Math.max(...own)) === peers.examples.labels[row]) right += 1;
  }
  return right;
}
