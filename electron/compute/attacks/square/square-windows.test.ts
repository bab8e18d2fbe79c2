import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { firstExamples } from '../../fixtures/peers.ts';
import { forward } from '../../models/network.ts';
import type { Predictor } from '../../models/predictor.ts';
import { stream } from '../../random/stream.ts';
import { attackOptions, useSmallPeers } from '../attack-bench.ts';
import type { AttackOptions } from '../options.ts';
import { predictionOf } from '../base/outcome.ts';
import { resolveAttack } from '../registry.ts';
import type { SquarePlan } from './square-method.ts';
import { squareSide } from './square-proposals.ts';
import { pattern, type WindowNorm } from './square-windows.ts';
import { attackWhiteBox } from '../base/white-box.ts';

const peers = useSmallPeers();

const NORMS = ['l2', 'l1'] as const;
const RADIUS = { linf: 0.25, l2: 7, l1: 40 } as const;

function optionsFor(norm: keyof typeof RADIUS, queries: number, count: number): AttackOptions<SquarePlan> {
  return attackOptions(
    firstExamples(peers.adv.examples, count),
    resolveAttack({ name: 'square', settings: { norm, epsilon: RADIUS[norm], queries } }).plan as SquarePlan,
    { seed: 5 },
  );
}

const lengthOf = (norm: WindowNorm, values: ArrayLike<number>): number =>
  norm === 'l2'
    ? Math.hypot(...Array.from(values))
    : Array.from(values).reduce((sum, value) => sum + Math.abs(value), 0);

/** η drawn rectangle by rectangle, as algorithm 3 has it. */
function rectangles(norm: WindowNorm, side: number): number[] {
  const stack = (height: number): number[] => {
    const grid = new Array<number>(height * side).fill(0);
    const [middleRow, middleColumn] = [Math.floor(height / 2), Math.floor(side / 2)];
    for (let k = 0; k <= middleColumn; k += 1) {
      for (let row = Math.max(0, middleRow - k); row < Math.min(height, middleRow + k + 1); row += 1) {
        for (let column = Math.max(0, middleColumn - k); column < Math.min(side, middleColumn + k + 1); column += 1) {
          grid[row * side + column]! += (k + 1) ** (norm === 'l2' ? -2 : -4);
        }
      }
    }
    const length = lengthOf(norm, grid);
    return grid.map((value) => value / length);
  };
  const half = Math.floor(side / 2);
  const both = [...stack(half), ...stack(side - half).map((value) => -value)];
  const length = lengthOf(norm, both);
  return both.map((value) => value / length);
}

/** The nearest point of L1 ball and box, by bisection in float64. */
function nearestL1(x: Float32Array, change: readonly number[], epsilon: number): number[] {
  const at = (threshold: number): number[] =>
    change.map((move, i) => {
      const room = move > 0 ? 1 - x[i]! : x[i]!;
      return Math.sign(move) * Math.min(Math.max(Math.abs(move) - threshold, 0), room);
    });
  if (lengthOf('l1', at(0)) <= epsilon) return at(0);
  let [low, high] = [0, 20];
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (lengthOf('l1', at(middle)) > epsilon) low = middle;
    else high = middle;
  }
  return at(high);
}

/** One example alone, in plain numbers: images of one channel, 28 × 28. */
function attackPlainly({ examples, plan, seed }: AttackOptions<SquarePlan>, row: number) {
  const norm = plan.norm as WindowNorm;
  const label = examples.labels[row]!;
  const x = examples.images.slice(row * 784, (row + 1) * 784);
  const random = stream(seed, 'square', row, 0);
  const keep = (change: readonly number[]): number[] => {
    if (norm === 'l1') return nearestL1(x, change, plan.epsilon);
    const factor = plan.epsilon / Math.max(lengthOf('l2', change), 1e-12);
    return change.map((move, i) => Math.min(1, Math.max(0, x[i]! + move * factor)) - x[i]!);
  };
  const look = (change: readonly number[]) => {
    const image = Float32Array.from(x, (pixel, i) => pixel + change[i]!);
    const logits = tf.tidy(() =>
      forward(peers.adv.network, peers.adv.weights, tf.tensor4d(image, [1, 28, 28, 1])).logits.dataSync<'float32'>(),
    );
    const margin = Math.max(...logits.filter((_, k) => k !== label)) - logits[label]!;
    return { image, margin, wrong: predictionOf(logits, 0, 10) !== label };
  };
  const tiles = new Array<number>(784).fill(0);
  for (let top = 1; top < 26; top += 5) {
    for (let left = 1; left < 26; left += 5) {
      const eta = pattern(norm, 5, random.integer(2) === 1);
      const sign = random.integer(2) === 1 ? 1 : -1;
      eta.forEach((value, i) => (tiles[(top + Math.floor(i / 5)) * 28 + left + (i % 5)] = sign * value));
    }
  }
  let best = keep(tiles);
  let found = look(best);
  for (let query = 1; query < plan.queries && !found.wrong; query += 1) {
    const side = squareSide(query, plan, 28, 28);
    const place = () => [random.integer(28 - side + 1), random.integer(28 - side + 1)] as const;
    const [[y, z], [v, w]] = [place(), place()];
    const eta = pattern(norm, side, random.integer(2) === 1);
    const sign = random.integer(2) === 1 ? 1 : -1;
    const inside = (i: number, top: number, left: number): boolean => {
      const [a, b] = [Math.floor(i / 28) - top, (i % 28) - left];
      return a >= 0 && a < side && b >= 0 && b < side;
    };
    const old = best.map((move, i) => (inside(i, y, z) ? move : 0));
    const oldLength = lengthOf(norm, old);
    const mass = lengthOf(
      norm,
      best.map((move, i) => (inside(i, y, z) || inside(i, v, w) ? move : 0)),
    );
    const used = lengthOf(norm, best);
    const mixed = old.map((move, i) =>
      inside(i, y, z) ? move / (oldLength + 1e-12) + sign * eta[(Math.floor(i / 28) - y) * side + (i % 28) - z]! : 0,
    );
    const budget =
      norm === 'l2'
        ? Math.sqrt(Math.max(plan.epsilon ** 2 - used ** 2, 0) + mass ** 2)
        : Math.max(plan.epsilon - used, 0) + mass;
    const scale = budget / (lengthOf(norm, mixed) + 1e-12);
    const next = best.map((move, i) => (inside(i, y, z) ? mixed[i]! * scale : inside(i, v, w) ? 0 : move));
    const tried = keep(next);
    const outcome = look(tried);
    if (outcome.margin > found.margin || outcome.wrong) [best, found] = [tried, outcome];
    if (outcome.wrong) return { iteration: query, image: found.image };
  }
  return { iteration: found.wrong ? 0 : -1, image: found.image };
}

describe.each(NORMS)('Square in %s', (norm) => {
  it('has the pattern of algorithm 3, of norm 1', () => {
    for (const side of [2, 3, 5, 8, 25]) {
      const eta = pattern(norm, side, false);
      rectangles(norm, side).forEach((value, i) => expect(eta[i]).toBeCloseTo(value, 6));
      expect(lengthOf(norm, eta)).toBeCloseTo(1, 5);
      const turned = pattern(norm, side, true);
      eta.forEach((value, i) => expect(turned[(i % side) * side + Math.floor(i / side)]).toBe(value));
    }
  });

  it('has windows of odd sides of at least 3', () => {
    const sides = [0, 30, 100, 499].map((query) => squareSide(query, optionsFor(norm, 500, 1).plan, 28, 28));
    expect(sides).toEqual([25, 7, 5, 3]);
  });

  it('does what a plain loop over single examples does', async () => {
    const options = optionsFor(norm, 25, 10);
    const outcome = await attackWhiteBox(peers.adv, options);
    expect(outcome.violations).toBe(0);
    const rows = [...outcome.attacked.keys()].filter((row) => outcome.attacked[row]);
    const plain = rows.map((row) => attackPlainly(options, row));
    expect(rows.map((row) => outcome.iteration[row])).toEqual(plain.map(({ iteration }) => iteration));
    rows.forEach((row, at) => {
      const own = outcome.adversarial.subarray(row * 784, (row + 1) * 784);
      const apart = own.reduce((most, pixel, i) => Math.max(most, Math.abs(pixel - plain[at]!.image[i]!)), 0);
      expect(apart).toBeLessThan(1e-3);
    });
  });
});

it.each(['linf', 'l2', 'l1'] as const)(
  'Square in %s finds on a model with a forward pass alone what it finds on the network itself',
  async (norm) => {
    const options = optionsFor(norm, 24, 12);
    const predictor: Predictor = {
      logits: (images, count) =>
        Promise.resolve(
          tf.tidy(() =>
            forward(peers.adv.network, peers.adv.weights, tf.tensor4d(images, [count, 28, 28, 1]))
              .logits.dataSync<'float32'>()
              .slice(),
          ),
        ),
      dispose: () => Promise.resolve(),
    };
    const tensors = tf.memory().numTensors;
    const own = await attackWhiteBox(peers.adv, options);
    const foreign = await attackWhiteBox({ ...peers.adv, predictor }, options);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(foreign.iteration).toEqual(own.iteration);
    expect(foreign.adversarial).toEqual(own.adversarial);
    expect(own.succeeded.reduce((sum, hit) => sum + hit, 0)).toBeGreaterThan(0);
  },
);
