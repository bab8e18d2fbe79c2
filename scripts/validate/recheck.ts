import type { RecheckResult } from './results.ts';

/** Images that an attack returned, and what it says of them. Row i of every array belongs to the same image. */
export interface Claims {
  readonly norm: string;
  readonly epsilon: number;
  /** [rows, size], pixels in [0, 1]. */
  readonly clean: Float32Array;
  readonly adversarial: Float32Array;
  readonly labels: ArrayLike<number>;
  /** 1 where x' is said to be taken for another class: within ε, or anywhere in [0, 1] by a minimal attack. */
  readonly fooled: ArrayLike<number>;
  /** 1 where x' is said to lie within ε. */
  readonly within: ArrayLike<number>;
  /** Size of x' − x that was reported, NaN where none was. */
  readonly distances: ArrayLike<number>;
}

/** Pixels and L∞ may be off by this much: float32 rounds. */
const SLACK = 1.2e-7;

/**
 * Looks at every image again, with nothing of the attacks' own code: range, norm in float64, and the class by logits of
 * another engine.
 * @param logits of the adversarial images, [rows, classes].
 * @param tolerance logits of two engines may differ by this much: a class that leads by less is not counted as wrong.
 */
export function recheck(claims: Claims, logits: Float32Array, tolerance = 1e-3): RecheckResult {
  const { norm, epsilon, clean, adversarial, labels, fooled, within, distances } = claims;
  const rows = labels.length;
  const [size, classes] = [adversarial.length / rows, logits.length / rows];
  const found = { images: rows, outOfRange: 0, outOfBall: 0, wrongDistance: 0, notFooled: 0 };
  for (let row = 0; row < rows; row += 1) {
    const changes = Array.from({ length: size }, (_, i) => {
      const at = row * size + i;
      return Math.abs((adversarial[at] ?? Number.NaN) - (clean[at] ?? Number.NaN));
    });
    const image = adversarial.subarray(row * size, (row + 1) * size);
    if (!image.every((pixel) => pixel >= -SLACK && pixel <= 1 + SLACK)) found.outOfRange += 1;
    const length = lengthOf(norm, changes);
    const slack = norm === 'linf' ? SLACK : 1e-6 * Math.max(1, epsilon);
    if (within[row] && !(length <= epsilon + slack)) found.outOfBall += 1;
    const claimed = distances[row] ?? Number.NaN;
    if (!Number.isNaN(claimed) && !(Math.abs(claimed - length) <= 1e-5 * Math.max(1, length))) found.wrongDistance += 1;
    const own = logits[row * classes + (labels[row] ?? 0)] ?? Number.NaN;
    const others = [...logits.subarray(row * classes, (row + 1) * classes)].filter((_, k) => k !== labels[row]);
    if (fooled[row] && !(Math.max(...others) >= own - tolerance)) found.notFooled += 1;
  }
  return found;
}

function lengthOf(norm: string, changes: readonly number[]): number {
  if (norm === 'linf') return changes.reduce((most, change) => Math.max(most, change), 0);
  if (norm === 'l1') return changes.reduce((sum, change) => sum + change, 0);
  return Math.sqrt(changes.reduce((sum, change) => sum + change * change, 0));
}
