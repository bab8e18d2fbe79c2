import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { firstExamples } from '../../fixtures/peers.ts';
import { forward } from '../../models/network.ts';
import { stream } from '../../random/stream.ts';
import { attackOptions, useSmallPeers } from '../attack-bench.ts';
import type { AttackOptions } from '../options.ts';
import { countRobust, predictionOf } from '../base/outcome.ts';
import { spatial } from './spatial.ts';
import { gridMovements, moveImage } from './spatial-method.ts';
import type { SpatialPlan } from './spatial-method.ts';
import { attackWhiteBox } from '../base/white-box.ts';

const planOf = (settings: Readonly<Record<string, number | string>>) => spatial.resolve(settings).plan as SpatialPlan;
const still = { angle: 0, right: 0, down: 0 };

describe('moved images', () => {
  const random = stream(3, 'moved');
  const image = Float32Array.from({ length: 5 * 5 * 2 }, () => random.uniform());
  const at = (values: Float32Array, y: number, x: number, c: number) =>
    y >= 0 && y < 5 && x >= 0 && x < 5 ? values[(y * 5 + x) * 2 + c]! : 0;
  const each = (check: (y: number, x: number, c: number) => void) => {
    for (let i = 0; i < 50; i += 1) check(Math.floor(i / 10), Math.floor(i / 2) % 5, i % 2);
  };

  it('are the same without a movement', () => {
    expect(moveImage(image, [5, 5, 2], still)).toEqual(image);
  });

  it('are shifted by whole pixels exactly, with black coming in', () => {
    const moved = moveImage(image, [5, 5, 2], { angle: 0, right: 2, down: -1 });
    each((y, x, c) => expect(at(moved, y, x, c)).toBe(at(image, y + 1, x - 2, c)));
  });

  it('are turned counter-clockwise by a right angle', () => {
    const moved = moveImage(image, [5, 5, 2], { ...still, angle: 90 });
    each((y, x, c) => expect(at(moved, y, x, c)).toBeCloseTo(at(image, x, 4 - y, c), 6));
  });

  it('hold what a ramp has between its pixels', () => {
    const [height, width] = [20, 24];
    const ramp = (y: number, x: number) => 0.2 + 0.01 * y + 0.015 * x;
    const flat = Float32Array.from({ length: height * width }, (_, i) => ramp(Math.floor(i / width), i % width));
    const moved = moveImage(flat, [height, width, 1], { angle: 17, right: 1.25, down: -0.7 });
    const turn = (17 * Math.PI) / 180;
    for (let y = 7; y < 13; y += 1) {
      for (let x = 8; x < 16; x += 1) {
        // The shift is undone first, then the rotation about the middle.
        const [up, left] = [y + 0.7 - 9.5, x - 1.25 - 11.5];
        const from = ramp(
          9.5 + Math.sin(turn) * left + Math.cos(turn) * up,
          11.5 + Math.cos(turn) * left - Math.sin(turn) * up,
        );
        expect(moved[y * width + x]).toBeCloseTo(from, 6);
      }
    }
  });
});

describe('the spatial attack', () => {
  const peers = useSmallPeers();

  const optionsFor = (
    settings: Readonly<Record<string, number | string>>,
    count: number,
    more: Partial<AttackOptions> = {},
  ): AttackOptions => attackOptions(firstExamples(peers.nat.examples, count), planOf(settings), more);

  it('looks at 31 angles and 5 × 5 shifts up to the largest ones, the image itself among them', () => {
    const movements = gridMovements(planOf({}), 31, 5);
    expect(movements).toHaveLength(775);
    expect(movements).toContainEqual(still);
    expect([...new Set(movements.map(({ right }) => right))]).toEqual([-3, -1.5, 0, 1.5, 3]);
    expect(Math.max(...movements.map(({ angle }) => angle))).toBe(30);
    expect(gridMovements(planOf({}), 1, 1)).toEqual([still]);
  });

  it('finds the first movement of the grid that a plain loop finds', async () => {
    const settings = { maxRotation: 30, maxShift: 3, rotations: 5, shifts: 3 };
    const options = optionsFor(settings, 12);
    const outcome = await attackWhiteBox(peers.nat, options);
    const movements = gridMovements(planOf(settings), 5, 3);
    const plain = Array.from({ length: 12 }, (_, row) => {
      const x = options.examples.images.slice(row * 784, (row + 1) * 784);
      return movements.findIndex((movement) => {
        const logits = tf.tidy(() => {
          const input = tf.tensor4d(moveImage(x, [28, 28, 1], movement), [1, 28, 28, 1]);
          return forward(peers.nat.network, peers.nat.weights, input).logits.dataSync<'float32'>();
        });
        return predictionOf(logits, 0, 10) !== options.examples.labels[row];
      });
    });
    expect([...outcome.iteration]).toEqual(plain);
    expect(new Set(plain).size).toBeGreaterThan(1);
  });

  it('is bounded by its angles and shifts, not by a change of pixels', async () => {
    const outcome = await attackWhiteBox(peers.nat, optionsFor({ rotations: 5, shifts: 3 }, 32));
    expect(outcome.violations).toBe(0);
    expect(countRobust(outcome)).toBeLessThan(28);
    expect(Math.max(...outcome.distance.filter((distance) => !Number.isNaN(distance)))).toBeGreaterThan(0.5);
    const none = await attackWhiteBox(
      peers.nat,
      optionsFor({ maxRotation: 0, maxShift: 0, rotations: 1, shifts: 1 }, 32),
    );
    expect(none.succeeded.every((value) => value === 0)).toBe(true);
  });

  it('draws at random from streams of the examples: batch size changes nothing, more draws break no less', async () => {
    const before = tf.memory().numTensors;
    const settings = { search: 'random', draws: 10 };
    const whole = await attackWhiteBox(peers.nat, optionsFor(settings, 24));
    const pieces = await attackWhiteBox(peers.nat, optionsFor(settings, 24, { batchSize: 7 }));
    expect(pieces.adversarial).toEqual(whole.adversarial);
    const more = await attackWhiteBox(peers.nat, optionsFor({ search: 'random', draws: 40 }, 24));
    whole.succeeded.forEach((broken, row) => {
      if (broken) expect(more.iteration[row]).toBe(whole.iteration[row]);
    });
    expect(countRobust(more)).toBeLessThanOrEqual(countRobust(whole));
    expect(tf.memory().numTensors).toBe(before);
  });
});
