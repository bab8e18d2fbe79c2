import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { EngineName } from '../../../shared/domain/engine.ts';
import { trainerSettings } from '../../../shared/domain/training.ts';
import { imageTensor } from '../attacks/base/batch.ts';
import { readExamples } from '../data/examples.ts';
import type { PackedDataset } from '../data/packed.ts';
import { findDefence } from '../defences/registry.ts';
import { withBars } from '../fixtures/bars-bench.ts';
import { buildNetwork, weightList } from '../models/network.ts';
import { optimizerOf } from './optimizer.ts';
import { initialState } from './state.ts';
import { createTrainStep, type BatchPart, type StepReport, type TrainState } from './step.ts';

/** One step of a defence on 12 images that are cut after the given rows. */
function stepped(
  dataset: PackedDataset,
  defenceName: string,
  cuts: readonly number[],
  more: { readonly clipNorm?: number; readonly averageShare?: number } = {},
): { readonly before: TrainState; readonly after: TrainState; readonly report: StepReport } {
  const network = buildNetwork('small-cnn', dataset.manifest.shape, 2);
  const optimizer = optimizerOf(trainerSettings.parse({ optimizer: 'sgd', momentum: 0 }));
  const defence = findDefence(defenceName).configure({});
  const averaged = more.averageShare !== undefined;
  const step = createTrainStep({ network, defence, optimizer, labelSmoothing: 0.1, averaged, ...more });
  const before = initialState(network, optimizer, 5, () => ({ mean: [0], deviation: [1] }), {}, averaged);
  const positions = dataset.positions('train').slice(0, 12);
  const parts = [0, ...cuts].map((start, at): BatchPart => {
    const examples = readExamples(dataset, positions.slice(start, cuts[at] ?? 12));
    const images = imageTensor(examples.images, examples.shape);
    const darker = tf.tidy(() => tf.mul<tf.Tensor4D>(images, 0.7));
    return {
      images,
      adversarial: defence.inner ? darker : null,
      labels: tf.tensor1d(examples.labels, 'int32'),
    };
  });
  const outcome = step.run(before, parts, {
    optimizer: optimizer.numbers(0.5, 0),
    ...(more.averageShare !== undefined && { averageShare: more.averageShare }),
  });
  const report = outcome.report();
  // On tensorflow its parts and its update are graphs too.
  expect(step.note).toBeNull();
  step.dispose();
  return { before, after: outcome.state, report };
}

const values = (weights: TrainState['weights']): number[] =>
  Object.values(weights).flatMap((tensor) => Array.from(tensor.dataSync()));

/** Updates of the weights: in parts, clipped, averaged. `missing` says why the engine is not here. */
export function testUpdates(engine: EngineName, enginePack: string | null, missing: string | null): void {
  describe(`an update on ${engine}`, () => {
    const bars = withBars(engine, enginePack, missing);

    it.each(['natural', 'at-alp'])('of %s in parts of any size is that of the whole batch, within rounding', (name) => {
      const whole = stepped(bars().dataset, name, []);
      for (const cuts of [[6], [1, 5, 11]]) {
        const parts = stepped(bars().dataset, name, cuts);
        const [wanted, found, old] = [
          values(whole.after.weights),
          values(parts.after.weights),
          values(whole.before.weights),
        ];
        const moved = Math.max(...wanted.map((value, at) => Math.abs(value - old[at]!)));
        const apart = Math.max(...wanted.map((value, at) => Math.abs(value - found[at]!)));
        expect(moved).toBeGreaterThan(1e-3);
        expect(apart).toBeLessThan(1e-5 * Math.max(1, moved));
        for (const [term, value] of Object.entries(whole.report.terms))
          expect(parts.report.terms[term]).toBeCloseTo(value, 5);
        expect(parts.report.gradientSquares / whole.report.gradientSquares).toBeCloseTo(1, 4);
        expect(parts.report.cleanAccuracy).toBeCloseTo(whole.report.cleanAccuracy!, 6);
      }
    });

    it('with a clipped gradient is as much shorter as the gradient was too long', () => {
      const free = stepped(bars().dataset, 'natural', []);
      const norm = Math.sqrt(free.report.gradientSquares);
      const clipped = stepped(bars().dataset, 'natural', [], { clipNorm: norm / 4 });
      const roomy = stepped(bars().dataset, 'natural', [], { clipNorm: norm * 4 });
      const old = values(free.before.weights);
      const [a, b, c] = [free, clipped, roomy].map(({ after }) =>
        values(after.weights).map((value, at) => value - old[at]!),
      );
      const length = (vector: readonly number[]): number => Math.hypot(...vector);
      expect(length(b!) / length(a!)).toBeCloseTo(0.25, 4);
      expect(length(c!) / length(a!)).toBeCloseTo(1, 6);
      expect(clipped.report.gradientSquares).toBeCloseTo(free.report.gradientSquares, 6);
    });

    it('moves the averaged weights by their share of the way to the new ones', () => {
      const { before, after } = stepped(bars().dataset, 'natural', [], { averageShare: 0.25 });
      const network = buildNetwork('small-cnn', bars().dataset.manifest.shape, 2);
      const flat = (weights: TrainState['weights']): number[] =>
        weightList(network, weights).flatMap((tensor) => Array.from(tensor.dataSync()));
      const [old, now, average] = [flat(before.weights), flat(after.weights), flat(after.average!)];
      expect(flat(before.average!)).toEqual(old);
      average.forEach((value, at) => expect(value).toBeCloseTo(old[at]! + 0.25 * (now[at]! - old[at]!), 6));
      expect(Math.max(...average.map((value, at) => Math.abs(value - now[at]!)))).toBeGreaterThan(1e-4);
    });
  });
}
