import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SettingValues } from '../../../shared/domain/settings.ts';
import { loadEngine } from '../engines/load.ts';
import type { LossInputs } from './defence.ts';
import { boostedCrossEntropy, divergence } from './divergence.ts';
import { DEFENCES, findDefence } from './registry.ts';
import { perturbedWeights } from './weight-perturbation.ts';

interface Fixture {
  readonly labels: number[];
  readonly clean: number[][];
  readonly adversarial: number[][];
  readonly layers: Readonly<Record<'one' | 'two', [number[][][][], number[][][][]]>>;
  readonly cases: readonly {
    readonly defence: string;
    readonly settings: SettingValues;
    readonly terms: Readonly<Record<string, number>>;
    readonly gradients: Readonly<Record<'clean' | 'adversarial' | 'cleanLayer' | 'adversarialLayer', number[]>>;
  }[];
  readonly perturbation: {
    readonly gamma: number;
    readonly layers: readonly {
      readonly shape: number[];
      readonly weight: number[];
      readonly gradient: number[];
      readonly moved: number[];
    }[];
  };
}
/** What PyTorch computes, see scripts/fixtures/defences.py. */
const FIXTURE = JSON.parse(
  readFileSync(new URL('../fixtures/defence-losses.json', import.meta.url), 'utf8'),
) as Fixture;

beforeAll(() => loadEngine('wasm', { enginePack: null, deterministic: true }));

/** The largest difference, relative to the larger of 1 and the largest value expected. */
function error(found: ArrayLike<number>, expected: readonly number[]): number {
  expect(found).toHaveLength(expected.length);
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  return expected.reduce((worst, value, at) => Math.max(worst, Math.abs(found[at]! - value) / scale), 0);
}

describe('the losses, beside PyTorch in float64', () => {
  it('are all there', () => {
    expect(new Set(FIXTURE.cases.map((each) => each.defence))).toEqual(new Set(DEFENCES.map(({ name }) => name)));
  });

  it.each(FIXTURE.cases)('$defence $settings: terms and gradients', ({ defence, settings, terms, gradients }) => {
    const before = tf.memory().numTensors;
    const configured = findDefence(defence).configure(settings);
    expect(configured.terms).toEqual(Object.keys(terms));
    const { one, two } = FIXTURE.layers;
    const inputs = [
      tf.tensor2d(FIXTURE.clean),
      tf.tensor2d(FIXTURE.adversarial),
      tf.tensor4d(one[0]),
      tf.tensor4d(one[1]),
    ];
    const labels = tf.tensor1d(FIXTURE.labels, 'int32');
    const found: Record<string, number> = {};
    const grads = tf.grads((...list) => {
      const [clean, adversarial, cleanLayer, adversarialLayer] = list as [
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor4D,
        tf.Tensor4D,
      ];
      const half = (logits: tf.Tensor2D, layer: tf.Tensor4D, other: number[][][][]): LossInputs['clean'] => ({
        logits,
        activations: { one: layer, two: tf.tensor4d(other) },
      });
      const losses = configured.loss({
        clean: half(clean, cleanLayer, two[0]),
        adversarial: half(adversarial, adversarialLayer, two[1]),
        labels,
        labelSmoothing: 0,
      });
      for (const [term, value] of Object.entries(losses)) found[term] = value.dataSync()[0]!;
      // A tensor that the loss does not use has no path to it, which tfjs takes for a mistake.
      const nothing = list.map((each) => tf.mul(tf.sum(each), 0));
      return tf.addN([...configured.terms.map((term) => losses[term] as tf.Scalar), ...nothing]);
    })(inputs);
    for (const [term, value] of Object.entries(terms)) expect(error([found[term]!], [value])).toBeLessThan(2e-6);
    (['clean', 'adversarial', 'cleanLayer', 'adversarialLayer'] as const).forEach((name, at) => {
      expect(error(grads[at]!.dataSync(), gradients[name]), name).toBeLessThan(1e-5);
    });
    tf.dispose([...inputs, ...grads, labels]);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('divergences', () => {
  /** Central differences of a float64 function of logits. */
  const slope = (of: (values: readonly number[]) => number, at: readonly number[]): number[] =>
    at.map((_, index) => {
      const shifted = (step: number): number => of(at.map((value, k) => (k === index ? value + step : value)));
      return (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
    });
  const softmax = (z: readonly number[]): number[] => {
    const sum = z.reduce((total, value) => total + Math.exp(value), 0);
    return z.map((value) => Math.exp(value) / sum);
  };
  const kl = (z: readonly number[], w: readonly number[]): number => {
    const [p, q] = [softmax(z), softmax(w)];
    return p.reduce((sum, value, k) => sum + value * Math.log(value / q[k]!), 0);
  };
  const [Z, W] = [
    [1.5, -0.5, 0.25],
    [0.5, 1, -1],
  ];

  it('have the gradients of finite differences, through both predictions', () => {
    const [z, w] = [tf.tensor2d([Z]), tf.tensor2d([W])];
    const gradients = tf.grads((a, b) => tf.sum(divergence(a as tf.Tensor2D, b as tf.Tensor2D)))([z, w]);
    expect(
      error(
        gradients[0]!.dataSync(),
        slope((values) => kl(values, W), Z),
      ),
    ).toBeLessThan(1e-6);
    expect(
      error(
        gradients[1]!.dataSync(),
        slope((values) => kl(Z, values), W),
      ),
    ).toBeLessThan(1e-6);
    tf.dispose([z, w, ...gradients]);
  });

  it('are 0 with a gradient of 0 where both predictions are the same: the inner attack cannot start there', () => {
    const z = tf.tensor2d([Z]);
    const { value, grad } = tf.valueAndGrad((b) => tf.sum(divergence(z, b as tf.Tensor2D)))(z);
    expect(value.dataSync()[0]).toBe(0);
    expect(Math.max(...grad.dataSync().map(Math.abs))).toBeLessThan(1e-7);
    tf.dispose([z, value, grad]);
  });

  it('the boosted cross-entropy of two classes is twice the cross-entropy', () => {
    const z = tf.tensor2d([[0.5, -1]]);
    const labels = tf.tensor1d([1], 'int32');
    const { value, grad } = tf.valueAndGrad((x) => tf.sum(boostedCrossEntropy(x as tf.Tensor2D, labels)))(z);
    expect(value.dataSync()[0]).toBeCloseTo(2 * Math.log(1 + Math.exp(1.5)), 5);
    const p = 1 / (1 + Math.exp(-1.5));
    expect(error(grad.dataSync(), [2 * p, -2 * p])).toBeLessThan(1e-6);
    tf.dispose([z, labels, value, grad]);
  });

  it.each([
    ['sure and right', [200, -150, 0], 0],
    ['sure and wrong', [200, -150, 0], 1],
    ['undecided', [0, 0, 0], 2],
  ])('stay finite for predictions that are %s', (_, logits, label) => {
    const z = tf.tensor2d([logits]);
    const other = tf.tensor2d([logits.toReversed()]);
    const labels = tf.tensor1d([label], 'int32');
    const losses = [
      (x: tf.Tensor) => boostedCrossEntropy(x as tf.Tensor2D, labels),
      (x: tf.Tensor) => divergence(x as tf.Tensor2D, other),
      (x: tf.Tensor) => divergence(other, x as tf.Tensor2D),
    ];
    for (const loss of losses) {
      const { value, grad } = tf.valueAndGrad((x) => tf.sum(loss(x)))(z);
      expect([value.dataSync()[0]!, ...grad.dataSync()].every(Number.isFinite)).toBe(true);
      tf.dispose([value, grad]);
    }
    tf.dispose([z, other, labels]);
  });

  it('the boosted cross-entropy keeps a gradient where the label is as good as certain', () => {
    const z = tf.tensor2d([[20, 0, -5]]);
    const labels = tf.tensor1d([0], 'int32');
    const gradient = tf.grad((x) => tf.sum(boostedCrossEntropy(x as tf.Tensor2D, labels)))(z);
    const [own, strongest] = gradient.dataSync();
    const p = Math.exp(-20);
    expect(strongest! / (2 * p)).toBeCloseTo(1, 3);
    expect(own! / (-2 * p)).toBeCloseTo(1, 2);
    tf.dispose([z, labels, gradient]);
  });
});

describe('adversarial weight perturbation', () => {
  it('moves each layer by γ of its norm along its gradient, and leaves vectors, as the authors’ code does', () => {
    const { gamma, layers } = FIXTURE.perturbation;
    const before = tf.memory().numTensors;
    const found = tf.tidy(() => {
      const tensors = (key: 'weight' | 'gradient'): tf.Tensor[] =>
        layers.map((layer) => tf.tensor(layer[key], layer.shape));
      const weights = tensors('weight');
      return perturbedWeights(weights, tensors('gradient'), tf.scalar(gamma)).map((tensor) => tf.clone(tensor));
    });
    layers.forEach(({ moved, weight, shape }, index) => {
      expect(error(found[index]!.dataSync(), moved)).toBeLessThan(1e-6);
      const change = Math.hypot(...found[index]!.dataSync().map((value, at) => value - weight[at]!));
      const still = shape.length === 1 || index === 3;
      expect(change / Math.hypot(...weight)).toBeCloseTo(still ? 0 : gamma, 5);
    });
    tf.dispose(found);
    expect(tf.memory().numTensors).toBe(before);
  });
});
