import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { EngineName } from '../../../shared/domain/engine.ts';
import { inputGradient } from '../models/classifier.ts';
import { buildNetwork, initialWeights, weightList, weightsFromList } from '../models/network.ts';
import { compileStep, repeatStep } from './compile.ts';

const network = buildNetwork('small-cnn', [16, 16, 1], 4);

/** One step of PGD whose images, labels, weights and step size are all arguments. */
function pgdStep(...inputs: tf.Tensor[]): tf.Tensor[] {
  const [x, y, size, ...weights] = inputs as [tf.Tensor4D, tf.Tensor1D, tf.Scalar, ...tf.Tensor[]];
  const { logits, gradient } = inputGradient(network, weightsFromList(network, weights), x, y);
  return [tf.clipByValue(tf.add(x, tf.mul(tf.sign(gradient), size)), 0, 1), logits];
}

function makeInputs(seed: number, batch: number): tf.Tensor[] {
  return [
    tf.randomUniform([batch, 16, 16, 1], 0, 1, 'float32', seed),
    tf.cast(tf.randomUniform([batch], 0, 4, 'int32', seed), 'int32'),
    tf.scalar(0.01 * (seed + 1)),
    ...weightList(network, initialWeights(network, seed)),
  ];
}

function expectSame(actual: readonly tf.Tensor[], expected: readonly tf.Tensor[]): void {
  expect(actual.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
  actual.forEach((tensor, index) => {
    const difference = tf.tidy(() => tf.max(tf.abs(tf.sub(tensor, expected[index]!))).dataSync()[0]!);
    expect(difference).toBeLessThan(2e-5);
  });
}

/** Compiled steps on the current engine. */
export function testCompiledSteps(engine: EngineName): void {
  describe('compiled steps', () => {
    it('are never stale: new weights, images, labels and step sizes count, at several batch sizes', () => {
      const step = compileStep(pgdStep, { name: 'test' });
      tf.tidy(() => {
        for (const [seed, batch] of [
          [0, 3],
          [1, 3],
          [2, 5],
          [3, 3],
          [4, 5],
          [5, 3],
          [6, 5],
          [7, 3],
          [8, 5],
          [9, 3],
          [10, 5],
        ] as const) {
          const inputs = makeInputs(seed, batch);
          expectSame(step.run(...inputs), pgdStep(...inputs));
          // Each argument for itself.
          for (const position of inputs.keys()) {
            const other = inputs.map((input, index) =>
              index === position ? makeInputs(seed + 50, batch)[index]! : input,
            );
            expectSame(step.run(...other), pgdStep(...other));
          }
        }
      });
      expect(step.note).toBeNull();
      step.dispose();
    });

    it('hand out inputs, constants and one tensor twice as tensors of their own', () => {
      const step = compileStep((x) => [x, tf.scalar(7), ...Array<tf.Tensor>(2).fill(tf.add(x, 1))], { name: 'test' });
      tf.tidy(() => {
        for (let run = 0; run < 6; run++) {
          const x = tf.tensor1d([run, 2]);
          const outputs = step.run(x);
          expect(outputs.map((tensor) => [...tensor.dataSync()])).toEqual([[run, 2], [7], [run + 1, 3], [run + 1, 3]]);
          outputs[0]!.dispose();
          expect([...x.dataSync()]).toEqual([run, 2]);
        }
      });
      step.dispose();
    });

    it('leave no tensors behind and stay right over more shapes than are kept', () => {
      const step = compileStep((x, y) => [tf.mul(tf.sum(tf.square(x)), y)], { name: 'test' });
      const y = tf.scalar(2);
      tf.dispose(step.run(y, y));
      const { numTensors } = tf.memory();
      const held = tf.backend().numDataIds();
      for (let round = 0; round < 5; round++) {
        for (let size = 1; size <= 24; size++) {
          const x = tf.fill([size], round + 1);
          const [sum] = step.run(x, y) as [tf.Tensor];
          expect(sum.dataSync()[0]).toBe(2 * size * (round + 1) ** 2);
          tf.dispose([x, sum]);
        }
      }
      expect(tf.memory().numTensors).toBe(numTensors);
      expect(tf.backend().numDataIds()).toBe(held);
      y.dispose();
      step.dispose();
    });

    it('works with integers, booleans, empty reductions and NaN', () => {
      const step = compileStep(
        (x, labels) => [
          tf.equal(tf.cast(tf.argMax(x, 1), 'int32'), labels),
          tf.isFinite(x),
          tf.cast(labels, 'float32'),
        ],
        { name: 'test' },
      );
      tf.tidy(() => {
        for (let run = 0; run < 5; run++) {
          const outputs = step.run(
            tf.tensor2d([
              [1, 2],
              [run, NaN],
            ]),
            tf.tensor1d([1, run], 'int32'),
          );
          expect([...outputs[0]!.dataSync()][0]).toBe(1);
          expect([...outputs[1]!.dataSync()]).toEqual([1, 1, 1, 0]);
          expect([...outputs[2]!.dataSync()]).toEqual([1, run]);
        }
      });
      expect(step.note).toBeNull();
      step.dispose();
    });

    it('repeated, give what as many single runs give, and one tensor may stand in two places', () => {
      const ascend = (times: number) =>
        repeatStep((x, count, y, size, ...weights) => {
          const [moved, logits] = pgdStep(x, y, size, ...weights);
          tf.dispose(logits);
          return [moved as tf.Tensor, tf.add(count, 1)];
        }, times);
      const [one, four] = [compileStep(ascend(1), { name: 'one' }), compileStep(ascend(4), { name: 'four' })];
      const before = tf.memory().numTensors;
      for (const [seed, batch] of [
        [0, 3],
        [1, 3],
        [2, 5],
        [3, 3],
        [4, 5],
      ] as const) {
        tf.tidy(() => {
          const [x, ...rest] = makeInputs(seed, batch) as [tf.Tensor, ...tf.Tensor[]];
          let expected: tf.Tensor[] = [x, tf.scalar(seed)];
          for (let time = 0; time < 4; time++) expected = one.run(...expected, ...rest);
          const actual = four.run(x, tf.scalar(seed), ...rest);
          expect(actual[1]!.dataSync()[0]).toBe(seed + 4);
          expect(actual[0]!.dataSync()).toEqual(expected[0]!.dataSync());
        });
      }
      const product = compileStep((a, b) => [tf.mul(a, b)], { name: 'product' });
      tf.tidy(() => {
        const [three, four] = [tf.scalar(3), tf.scalar(4)];
        for (let run = 0; run < 4; run++) expect(product.run(three, three)[0]!.dataSync()[0]).toBe(9);
        for (let run = 0; run < 4; run++) expect(product.run(three, four)[0]!.dataSync()[0]).toBe(12);
      });
      expect(tf.memory().numTensors).toBe(before);
      expect([one.note, four.note, product.note]).toEqual([null, null, null]);
      [one, four, product].forEach((step) => step.dispose());
    });

    if (engine !== 'tensorflow') return; // The rest is about graphs, which other engines do not have.

    it('refuse a tensor that is not an argument', () => {
      const hidden = tf.scalar(3);
      const used = tf.scalar(4);
      tf.add(used, 1).dispose();
      for (const outside of [hidden, used]) {
        const step = compileStep((x) => [tf.mul(x, outside)], { name: 'test' });
        const run = (): void => tf.dispose(step.run(tf.scalar(2)));
        expect(() => {
          for (let count = 0; count < 4; count++) run();
        }).toThrow(/not one of its arguments/);
        step.dispose();
      }
    });

    it('fall back, saying so, where a step depends on numbers that change or reads values', () => {
      let call = 0;
      const changing = compileStep((x) => [tf.mul(x, (call += 1))], { name: 'changing' });
      const repeated = repeatStep((x) => [tf.mul(x, (call += 1))], 3);
      const changingAgain = compileStep(repeated, { name: 'changing again' });
      const reading = compileStep((x) => [tf.mul(x, tf.neg(x).dataSync()[0]!)], { name: 'reading' });
      tf.tidy(() => {
        for (let count = 1; count < 7; count++) {
          changing.run(tf.scalar(2));
          expect(reading.run(tf.scalar(count))[0]!.dataSync()[0]).toBe(-(count ** 2));
        }
        for (let count = 0; count < 3; count++) changingAgain.run(tf.scalar(1));
        call = 0;
        expect(changingAgain.run(tf.scalar(2))[0]!.dataSync()[0]).toBe(2 * 1 * 2 * 3);
        const before = call;
        expect(changing.run(tf.scalar(2))[0]!.dataSync()[0]).toBe(2 * (before + 1));
      });
      expect(changing.note).toMatch(/changing runs operation by operation: .*differs/);
      expect(changingAgain.note).toMatch(/changing again runs operation by operation: .*differs/);
      expect(reading.note).toMatch(/reads values/);
    });
  });

  it('tensors do not change with the array they were made from', () => {
    const values = new Float32Array(1024).fill(1);
    const used = tf.tensor1d(values);
    const early = tf.sum(used);
    values.fill(2);
    const late = tf.sum(used);
    const unused = tf.tensor1d(values);
    values.fill(3);
    expect([early, late, tf.sum(unused)].map((tensor) => tensor.dataSync()[0])).toEqual([1024, 1024, 2048]);
    tf.dispose([used, early, late, unused]);
  });
}
