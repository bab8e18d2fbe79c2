/**
 * The perturbation as an RGBA picture: one channel on a diverging blue–white–red scale centred on 0, three channels
 * as mid-grey plus `gain`/2 times the difference.
 * @param clean pixels in [0, 1], [height × width × channels].
 * @param adversarial pixels in [0, 1], same layout.
 * @param channels 1 or 3.
 * @param gain k: a difference of ±1/k reaches the end of the scale.
 * @returns RGBA bytes, [height × width × 4].
 */
export function differencePicture(
  clean: Float32Array,
  adversarial: Float32Array,
  channels: 1 | 3,
  gain: number,
): Uint8ClampedArray<ArrayBuffer> {
  const pixels = clean.length / channels;
  const picture = new Uint8ClampedArray(pixels * 4);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    const at = pixel * channels;
    const shift = (channel: number): number =>
      Math.max(-1, Math.min(1, gain * ((adversarial[at + channel] ?? 0) - (clean[at + channel] ?? 0))));
    picture.set(
      channels === 1 ? diverging(shift(0)) : [0, 1, 2].map((channel) => 127.5 + 127.5 * shift(channel)),
      pixel * 4,
    );
    picture[pixel * 4 + 3] = 255;
  }
  return picture;
}

/** Ends and middle of the diverging scale: ColorBrewer RdBu's outer blue and red around white. */
const NEGATIVE = [33, 102, 172] as const;
const ZERO = [247, 247, 247] as const;
const POSITIVE = [178, 24, 43] as const;

/** Colour of a signed value in [-1, 1]; 0 is near-white. */
export function diverging(value: number): readonly [number, number, number] {
  const end = value < 0 ? NEGATIVE : POSITIVE;
  const share = Math.min(1, Math.abs(value));
  const mix = (index: 0 | 1 | 2): number => ZERO[index] + (end[index] - ZERO[index]) * share;
  return [mix(0), mix(1), mix(2)];
}

/** The gain that makes an ε just reach the end of the scale, from the offered ones. */
export function gainFor(epsilon: number, offered: readonly number[]): number {
  const fitting = offered.filter((gain) => gain * epsilon <= 1 + 1e-9);
  return fitting.length > 0 ? Math.max(...fitting) : Math.min(...offered);
}

export type Outcome = 'misclassified' | 'broken' | 'survived';

/** What happened to an example: wrong before any attack, broken by it, or survived. */
export function outcomeOf(example: {
  readonly label: number;
  readonly cleanPrediction: number;
  readonly broken: boolean;
}): Outcome {
  if (example.cleanPrediction !== example.label) return 'misclassified';
  return example.broken ? 'broken' : 'survived';
}
