import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { crossEntropyFromLogits, lossFromLogits, logSoftmax } from './losses.ts';

const LOGITS = [
  [1, 2, 3],
  [-4, 0.5, 0.25],
  [10, -10, 9.5],
];
const LABELS = [0, 1, 2];

/** Cross-entropy in float64. */
function reference(logits: readonly number[][], labels: readonly number[], smoothing: number): number[] {
  return logits.map((row, index) => {
    const largest = Math.max(...row);
    const normaliser = largest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0));
    return row.reduce((sum, value, k) => {
      const target = (k === labels[index] ? 1 - smoothing : 0) + smoothing / row.length;
      return sum - target * (value - normaliser);
    }, 0);
  });
}

/** Losses on the current engine. */
export function testLosses(): void {
  describe('losses', () => {
    it.each([0, 0.1])('cross-entropy with label smoothing %f has the value and slope of float64', (smoothing) => {
      const expected = reference(LOGITS, LABELS, smoothing);
      tf.tidy(() => {
        const [x, y] = [tf.tensor2d(LOGITS), tf.tensor1d(LABELS, 'int32')];
        const values = crossEntropyFromLogits(x, y, smoothing).dataSync();
        expected.forEach((value, index) => expect(values[index]).toBeCloseTo(value, 5));
        const gradient = tf
          .grad((t) => tf.sum(crossEntropyFromLogits(t as tf.Tensor2D, y, smoothing)))(x)
          .arraySync() as number[][];
        LOGITS.forEach((row, i) =>
          row.forEach((value, k) => {
            const h = 1e-5;
            const at = (shift: number): number =>
              reference(
                LOGITS.map((r, j) => (j === i ? r.map((v, m) => (m === k ? value + shift : v)) : r)),
                LABELS,
                smoothing,
              )[i]!;
            expect(gradient[i]![k]).toBeCloseTo((at(h) - at(-h)) / (2 * h), 5);
          }),
        );
      });
    });

    it('stays finite and keeps a gradient on saturated logits', () => {
      tf.tidy(() => {
        const x = tf.tensor2d([
          [1e4, 0, -1e4],
          [60, 0, 0],
        ]);
        const y = tf.tensor1d([1, 0], 'int32');
        expect(crossEntropyFromLogits(x, y).arraySync()[0]).toBeCloseTo(1e4, 0);
        const gradient = tf
          .grad((t) => tf.sum(crossEntropyFromLogits(t as tf.Tensor2D, y)))(x)
          .arraySync() as number[][];
        expect(gradient[0]).toEqual([1, -1, 0]);
        expect(Math.abs(gradient[1]![0]!)).toBeGreaterThan(0);
      });
    });

    it('DLR is the difference of logits ratio with its slope, the same for logits shifted and scaled', () => {
      const logits = [
        [1, 2, 3, -1],
        [-4, 0.5, 0.25, 2],
        [10, -10, 9.5, 4],
      ];
      const ratio = (row: readonly number[], label: number): number => {
        const falling = row.toSorted((a, b) => b - a);
        const other = Math.max(...row.filter((_, k) => k !== label));
        return -(row[label]! - other) / (falling[0]! - falling[2]!);
      };
      tf.tidy(() => {
        const [x, y] = [tf.tensor2d(logits), tf.tensor1d([0, 3, 2], 'int32')];
        const expected = logits.map((row, i) => ratio(row, [0, 3, 2][i]!));
        expect(expected[0]).toBe(1);
        const values = (input: tf.Tensor2D): number[] => [...lossFromLogits('dlr', input, y).dataSync()];
        values(x).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
        values(tf.add(tf.mul(x, 1e4), 50)).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 4));
        const slopes = tf
          .grad((t) => tf.sum(lossFromLogits('dlr', t as tf.Tensor2D, y)))(x)
          .arraySync() as number[][];
        logits.forEach((row, i) =>
          row.forEach((value, k) => {
            const at = (shift: number): number =>
              ratio(
                row.map((v, m) => (m === k ? value + shift : v)),
                [0, 3, 2][i]!,
              );
            expect(slopes[i]![k]).toBeCloseTo((at(1e-6) - at(-1e-6)) / 2e-6, 4);
          }),
        );
      });
    });

    it('margin is the strongest other logit minus the label, with its slope', () => {
      tf.tidy(() => {
        const [x, y] = [tf.tensor2d(LOGITS), tf.tensor1d(LABELS, 'int32')];
        expect([...lossFromLogits('margin', x, y).dataSync()]).toEqual([2, -0.25, 0.5]);
        expect(
          tf
            .grad((t) => tf.sum(lossFromLogits('margin', t as tf.Tensor2D, y)))(x)
            .arraySync(),
        ).toEqual([
          [-1, 0, 1],
          [0, -1, 1],
          [1, 0, -1],
        ]);
      });
    });

    it('log softmax and its gradient', () => {
      tf.tidy(() => {
        const x = tf.tensor2d(LOGITS);
        const sums = tf.sum(tf.exp(logSoftmax(x)), 1).dataSync();
        sums.forEach((sum) => expect(sum).toBeCloseTo(1, 5));
        const gradient = tf
          .grad((t) => tf.sum(tf.slice(logSoftmax(t as tf.Tensor2D), [0, 0], [3, 1])))(x)
          .arraySync() as number[][];
        const p = Math.exp(1) / (Math.exp(1) + Math.exp(2) + Math.exp(3));
        expect(gradient[0]![0]).toBeCloseTo(1 - p, 5);
      });
    });
  });
}
