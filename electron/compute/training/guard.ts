import * as tf from '@tensorflow/tfjs-core';
import { imageTensor } from '../attacks/base/batch.ts';
import { imageSize } from '../attacks/base/examples.ts';
import { readExamples } from '../data/examples.ts';
import type { PackedDataset } from '../data/packed.ts';
import type { InnerAttack, OverfittingGuard } from '../defences/defence.ts';
import { prepareStep } from '../engines/step.ts';
import type { Control } from '../jobs/control.ts';
import { LOSS_GRADIENT } from '../models/classifier.ts';
import { frozenNetwork, frozenWeights } from '../models/frozen.ts';
import { networkSpec, weightList, type Network, type Weights } from '../models/network.ts';
import { stream } from '../random/stream.ts';
import { createInnerAttacker } from './inner-attack.ts';
import { COUNT_RIGHT } from './validate.ts';

/** A look at held-out images, for catastrophic overfitting. */
export interface Probe {
  /** Under PGD, 0…1. */
  readonly pgdAccuracy: number;
  /** Under the single step that the training itself uses, 0…1. */
  readonly singleStepAccuracy: number;
  /**
   * Mean cosine of the angle between the loss's gradients by x at an image and at a random point of its ball, −1…1: near
   * 1 where the loss is linear in the ball, so that one step finds its maximum; it falls to 0 in a collapse
   * (Andriushchenko & Flammarion 2020, arXiv 2007.02617, eq. 3).
   */
  readonly gradientCosine: number;
  readonly examples: number;
}

export interface Guard {
  /** Share of the commonest class among the images that it looks at, 0…1. */
  readonly chance: number;
  /** null if the data set has no held-out part. @throws AppError `cancelled`. */
  probe(weights: Weights, control: Pick<Control, 'checkpoint'>): Promise<Probe | null>;
  dispose(): void;
}

/** As many held-out images are looked at. */
const EXAMPLES = 128;

/**
 * @param attack the training's single step, at its full ε
 * @param atOnce images that there is memory for
 */
export function createGuard(
  network: Network,
  dataset: PackedDataset,
  attack: InnerAttack,
  { attackSteps }: OverfittingGuard,
  seed: number,
  atOnce = EXAMPLES,
): Guard {
  const positions = dataset.positions('validation').subarray(0, EXAMPLES);
  const { epsilon } = attack;
  const single = createInnerAttacker(network, attack, seed);
  const pgd = createInnerAttacker(
    network,
    { epsilon, steps: attackSteps, stepSize: (2.5 * epsilon) / attackSteps, randomStart: true },
    seed,
  );
  const rightly = prepareStep(COUNT_RIGHT, networkSpec(network));
  const frozen = frozenNetwork(network);
  const gradients = prepareStep(LOSS_GRADIENT, { network: networkSpec(frozen), loss: 'cross-entropy' });

  /** Sums over some of the images. */
  const probePart = async (weights: Weights, part: Uint32Array, rest: () => Promise<void>) => {
    const examples = readExamples(dataset, part);
    const { images, shape } = examples;
    const labels = tf.tensor1d(examples.labels, 'int32');
    const rightUnder = async (attacker: typeof pgd): Promise<number> => {
      const attacked = await attacker.run(weights, examples, 1, 0, rest);
      const [count] = rightly.run(attacked, labels, ...weightList(network, weights)) as [tf.Tensor];
      const right = count.dataSync<'float32'>()[0] ?? 0;
      tf.dispose([attacked, count]);
      return right;
    };
    const gradientAt = (pixels: Float32Array): Float32Array => {
      const x = imageTensor(pixels, shape);
      const folded = tf.tidy(() => frozenWeights(network, weights));
      const outputs = gradients.run(x, labels, ...weightList(frozen, folded));
      const values = Float32Array.from((outputs[1] as tf.Tensor).dataSync<'float32'>());
      const kept = new Set(Object.values(weights));
      tf.dispose([x, ...outputs, ...Object.values(folded).filter((tensor) => !kept.has(tensor))]);
      return values;
    };
    try {
      const near = nearby(images, part, epsilon, seed);
      const cosine = meanCosine(gradientAt(images), gradientAt(near), imageSize(shape));
      return { pgd: await rightUnder(pgd), single: await rightUnder(single), cosine: cosine * part.length };
    } finally {
      labels.dispose();
    }
  };

  return {
    chance: commonestShare(Array.from(positions, (position) => dataset.labels[position] ?? 0)),
    async probe(weights, control) {
      const examples = positions.length;
      if (examples === 0) return null;
      const sums = { pgd: 0, single: 0, cosine: 0 };
      for (let start = 0; start < examples; start += atOnce) {
        const part = await probePart(weights, positions.slice(start, start + atOnce), () => control.checkpoint());
        for (const key of ['pgd', 'single', 'cosine'] as const) sums[key] += part[key];
      }
      return {
        pgdAccuracy: sums.pgd / examples,
        singleStepAccuracy: sums.single / examples,
        gradientCosine: sums.cosine / examples,
        examples,
      };
    },
    dispose() {
      single.dispose();
      pgd.dispose();
      rightly.dispose();
      gradients.dispose();
    },
  };
}

function commonestShare(labels: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return Math.max(0, ...counts.values()) / Math.max(1, labels.length);
}

/** Each image plus uniform noise in the ball, of the stream (seed, 'probe', example); not cut to [0, 1], as in the paper. */
function nearby(images: Float32Array, indices: Uint32Array, epsilon: number, seed: number): Float32Array {
  const size = images.length / indices.length;
  const noise = new Float32Array(images.length);
  indices.forEach((index, row) => {
    stream(seed, 'probe', index).fillUniform(noise, row * size, size, -epsilon, epsilon);
  });
  return noise.map((value, at) => value + (images[at] ?? 0));
}

/** Mean over rows of the cosine of the angle between two rows; a row of zeros is at right angles to everything. */
export function meanCosine(a: Float32Array, b: Float32Array, size: number): number {
  const rows = a.length / size;
  let sum = 0;
  for (let row = 0; row < rows; row += 1) {
    let [product, first, second] = [0, 0, 0];
    for (let at = row * size; at < (row + 1) * size; at += 1) {
      const [x, y] = [a[at] ?? 0, b[at] ?? 0];
      product += x * y;
      first += x * x;
      second += y * y;
    }
    const lengths = Math.sqrt(first) * Math.sqrt(second);
    if (lengths > 0) sum += product / lengths;
  }
  return sum / rows;
}

/** So many standard errors are no accident. */
const CERTAIN = 3;

/**
 * Whether a network has lost its robustness to all but single steps: of what it had above chance under PGD, less than half
 * is left, by more than the probes' size explains, and PGD accuracy is well below that under the single step. A network
 * that was never above chance has nothing to lose: before it has learnt anything it may call every image the same.
 * @param earlier probes at the same ε
 * @param chance share of the commonest class, 0…1
 */
export function hasCollapsed(earlier: readonly Probe[], now: Probe, chance: number): boolean {
  const best = earlier.reduce((most, { pgdAccuracy }) => Math.max(most, pgdAccuracy), 0);
  const { pgdAccuracy, singleStepAccuracy, examples } = now;
  return (
    pgdAccuracy < (best + chance) / 2 &&
    isBelow(chance, best, examples) &&
    isBelow(pgdAccuracy, best, examples) &&
    isBelow(pgdAccuracy, singleStepAccuracy, examples)
  );
}

function isBelow(low: number, high: number, examples: number): boolean {
  const variance = (share: number): number => (share * (1 - share)) / examples;
  return high - low > CERTAIN * Math.sqrt(variance(low) + variance(high));
}

/**
 * What happened, for a person.
 * @param step steps done when it was found
 * @param kept step that the run ended with; `step` where no weights from before could be read
 */
export function collapseNote(step: number, before: Probe, now: Probe, kept: number): string {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return (
    `Catastrophic overfitting at step ${step}: accuracy under PGD fell from ${percent(before.pgdAccuracy)} to ${percent(now.pgdAccuracy)}, ` +
    `while it is ${percent(now.singleStepAccuracy)} under the training’s own single step; gradient cosine ${before.gradientCosine.toFixed(2)} → ${now.gradientCosine.toFixed(2)}. ` +
    (kept < step
      ? `The run ended with the weights of step ${kept}. `
      : 'No checkpoint from before could be read: the run ended with the collapsed weights. ') +
    `A smaller step size, a smaller ε or another defence trains on.`
  );
}
