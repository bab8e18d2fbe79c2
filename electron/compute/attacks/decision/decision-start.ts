import type { RandomStream } from '../../random/stream.ts';
import { imageSize } from '../base/examples.ts';
import { questionSize } from './inquiry.ts';
import type { Asking, Judge } from '../base/judge.ts';
import type { AttackOptions } from '../options.ts';

/** Images of uniform noise that are tried before images of other classes. */
const NOISE_TRIALS = 100;
/** Images of other classes that are tried. */
const IMAGE_TRIALS = 100;

/**
 * Where an attack on decisions starts: any image that the model takes for a class that the attack is after. Uniform
 * noise from the example's stream; where the model gives the label to all of it, other images of the evaluation, of
 * another class (of the target class, if there is one), in an order from the stream.
 * @returns an image of its own; null if there is none.
 */
export function* findStart(
  judge: Judge,
  { examples, targets }: Pick<AttackOptions, 'examples' | 'targets'>,
  row: number,
  random: RandomStream,
): Asking<Float32Array | null> {
  const size = imageSize(examples.shape);
  const noise = new Float32Array(size);
  // Noise is hardly ever of one chosen class.
  for (let trial = 0; trial < (targets ? 0 : NOISE_TRIALS) && judge.left() > 0; trial += 1) {
    random.fillUniform(noise, 0, size, 0, 1);
    if (yield* judge.accepts(noise)) return noise;
  }
  const wanted = targets?.[row];
  const others = [...random.permutation(examples.labels.length)]
    .filter((other) =>
      wanted === undefined ? examples.labels[other] !== examples.labels[row] : examples.labels[other] === wanted,
    )
    .slice(0, IMAGE_TRIALS);
  const together = Math.min(8, questionSize(size));
  for (let from = 0; from < others.length && judge.left() > 0; from += together) {
    const batch = others.slice(from, from + together);
    const images = new Float32Array(batch.length * size);
    batch.forEach((other, at) => images.set(examples.images.subarray(other * size, (other + 1) * size), at * size));
    const at = (yield* judge.look(images, batch.length)).indexOf(1);
    if (at >= 0) return images.slice(at * size, (at + 1) * size);
  }
  return null;
}
