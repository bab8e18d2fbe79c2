import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { AttackSpec } from '../../../../shared/domain/evaluation.ts';
import { firstExamples } from '../../fixtures/peers.ts';
import { inputGradient } from '../../models/classifier.ts';
import { attackOptions, useSmallPeers } from '../attack-bench.ts';
import { boundsOf } from '../base/budget.ts';
import { fillResampling } from './momentum-method.ts';
import type { MomentumPlan } from './momentum-method.ts';
import { gaussianKernel, transformed } from './momentum-steps.ts';
import type { AttackOptions } from '../options.ts';
import { countRobust, predictionOf } from '../base/outcome.ts';
import { resolveAttack } from '../registry.ts';
import { attackTransfer } from '../base/transfer.ts';
import { attackWhiteBox } from '../base/white-box.ts';

const peers = useSmallPeers();

function optionsFor(settings: AttackSpec['settings'], count = 12): AttackOptions<MomentumPlan> {
  return attackOptions(
    firstExamples(peers.nat.examples, count),
    resolveAttack({ name: 'mi-fgsm', settings }).plan as MomentumPlan,
    { seed: 4, batchSize: 12, includeMisclassified: true },
  );
}

/** Algorithm 1 once more, one example at a time and everything but the gradient on the host. */
function plainly({ examples, plan }: AttackOptions<MomentumPlan>, row: number): Float32Array {
  const x = examples.images.slice(row * 784, (row + 1) * 784);
  const { lower, upper } = boundsOf(x, plan.epsilon);
  const gradientAt = (image: Float32Array): Float32Array =>
    tf.tidy(() =>
      inputGradient(
        peers.nat.network,
        peers.nat.weights,
        tf.tensor4d(image, [1, 28, 28, 1]),
        tf.tensor1d([examples.labels[row]!], 'int32'),
      )
        .gradient.dataSync<'float32'>()
        .slice(),
    );
  const iterate = x.slice();
  const velocity = new Float64Array(784);
  for (let step = 0; step < plan.steps; step += 1) {
    const ahead = iterate.map((pixel, i) =>
      plan.nesterov ? pixel + plan.decay * plan.stepSize * velocity[i]! : pixel,
    );
    const gradient = new Float64Array(784);
    for (let copy = 0; copy < plan.scales; copy += 1) {
      gradientAt(ahead.map((pixel) => pixel * 2 ** -copy)).forEach((value, i) => (gradient[i]! += value * 2 ** -copy));
    }
    const line = plan.kernel > 1 ? gaussianKernel(plan.kernel) : [1];
    const reach = (line.length - 1) / 2;
    const smooth = gradient.map((_, at) => {
      let sum = 0;
      for (let down = -reach; down <= reach; down += 1) {
        for (let across = -reach; across <= reach; across += 1) {
          const [y, z] = [Math.floor(at / 28) + down, (at % 28) + across];
          if (y < 0 || y > 27 || z < 0 || z > 27) continue;
          sum += gradient[y * 28 + z]! * line[down + reach]! * line[across + reach]!;
        }
      }
      return sum;
    });
    const mean = smooth.reduce((sum, value) => sum + Math.abs(value), 0) / 784;
    smooth.forEach((value, i) => {
      velocity[i] = plan.decay * velocity[i]! + value / mean;
      const moved = iterate[i]! + plan.stepSize * Math.sign(velocity[i]);
      iterate[i] = Math.min(upper[i]!, Math.max(lower[i]!, moved));
    });
  }
  return iterate;
}

describe('steps with momentum', () => {
  it.each([{ decay: 1 }, { decay: 0.5, nesterov: true }, { kernel: 7 }, { scales: 3, nesterov: true, kernel: 5 }])(
    'with %j give the images of a plain loop',
    async (settings) => {
      const options = optionsFor({ epsilon: 0.15, steps: 6, ...settings }, 4);
      const [made] = await attackTransfer(peers.nat, [peers.nat], { ...options, batchSize: 3 });
      for (let row = 0; row < 4; row += 1) {
        const plain = plainly(options, row);
        const own = made!.adversarial.subarray(row * 784, (row + 1) * 784);
        // A sum of almost 0 may have either sign in float32, which is a whole step.
        const differing = plain.filter((pixel, i) => Math.abs(pixel - own[i]!) > 1e-5);
        expect(differing.length).toBeLessThan(4);
      }
    },
  );

  it('judge every iterate on a model itself, whatever the gradient was taken at', async () => {
    const settings = { epsilon: 0.25, steps: 8, nesterov: true, diversity: 0.7, kernel: 3, scales: 2 };
    const outcome = await attackWhiteBox(peers.nat, optionsFor(settings));
    const broken = [...outcome.succeeded.keys()].filter((row) => outcome.succeeded[row]);
    expect(broken.length).toBeGreaterThan(6);
    for (const row of broken) {
      expect(predictionOf(outcome.logits, row * 10, 10)).not.toBe(peers.nat.examples.labels[row]);
      expect(outcome.iteration[row]).toBeLessThanOrEqual(8);
    }
    expect(outcome.violations).toBe(0);
  });

  it('in L2 stay in the ball, and towards a class reach it', async () => {
    const options = { ...optionsFor({ norm: 'l2', epsilon: 4, steps: 10 }), goal: 'next' as const };
    const outcome = await attackWhiteBox(peers.nat, options);
    const broken = [...outcome.succeeded.keys()].filter((row) => outcome.succeeded[row]);
    expect(broken.length).toBeGreaterThan(3);
    for (const row of broken) {
      expect(predictionOf(outcome.logits, row * 10, 10)).toBe((peers.nat.examples.labels[row]! + 1) % 10);
    }
    expect(outcome.violations).toBe(0);
  });

  it('with random resizing, batch size and neighbours change nothing, restarts do, and no tensor is left behind', async () => {
    const options = optionsFor({ epsilon: 0.2, steps: 5, diversity: 0.8, smallest: 0.7, restarts: 2 });
    const before = tf.memory().numTensors;
    const [whole] = await attackTransfer(peers.nat, [peers.adv], options);
    const [parts] = await attackTransfer(peers.nat, [peers.adv], { ...options, batchSize: 5 });
    expect(parts!.adversarial).toEqual(whole!.adversarial);
    expect(parts!.restart).toEqual(whole!.restart);
    const [once] = await attackTransfer(peers.nat, [peers.adv], { ...options, plan: { ...options.plan, restarts: 1 } });
    expect(once!.adversarial).not.toEqual(whole!.adversarial);
    await attackWhiteBox(peers.nat, options);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('break more of another model than random noise does', async () => {
    const noise = { ...optionsFor({}, 48), plan: resolveAttack({ name: 'noise', settings: { epsilon: 0.3 } }).plan };
    const [control] = await attackTransfer(peers.nat, [peers.adv], noise);
    const [moved] = await attackTransfer(peers.nat, [peers.adv], optionsFor({ epsilon: 0.3 }, 48));
    expect(countRobust(moved!)).toBeLessThan(countRobust(control!));
  });
});

describe('resampling', () => {
  const matrix = (side: number, share: number, place: number): Float32Array => {
    const values = new Float32Array(side * side);
    fillResampling(values, side, share, place);
    return values;
  };

  it('at full size is the identity', () => {
    expect([...matrix(3, 1, 0.9)]).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  });

  it('keeps a constant line within the smaller copy, and empties the rest', () => {
    const sums = (share: number, place: number) => {
      const values = matrix(10, share, place);
      return Array.from({ length: 10 }, (_, i) =>
        values.slice(i * 10, i * 10 + 10).reduce((sum, value) => sum + value, 0),
      );
    };
    expect(sums(0.6, 0).map(Math.round)).toEqual([1, 1, 1, 1, 1, 1, 0, 0, 0, 0]);
    expect(sums(0.6, 0.99).map(Math.round)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
  });

  it('has the adjoint that takes gradients back', () => {
    tf.tidy(() => {
      const [x, y] = [
        tf.randomNormal([2, 4, 6, 3], 0, 1, 'float32', 1),
        tf.randomNormal([2, 4, 6, 3], 0, 1, 'float32', 2),
      ];
      const pair = [
        tf.randomNormal([2, 4, 4], 0, 1, 'float32', 3),
        tf.randomNormal([2, 6, 6], 0, 1, 'float32', 4),
      ] as const;
      const [left] = tf.sum(tf.mul(transformed(x, pair, false), y)).dataSync();
      const [right] = tf.sum(tf.mul(x, transformed(y, pair, true))).dataSync();
      expect(left).toBeCloseTo(right!, 3);
    });
  });
});
