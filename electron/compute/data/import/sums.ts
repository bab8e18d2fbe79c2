/** Sums of each channel's samples and of their squares; exact for bytes. */
export interface ChannelSums {
  readonly sums: readonly number[];
  readonly squares: readonly number[];
}

/** @param pixels [height, width, channels] */
export function sumsOf(pixels: Uint8Array | Float32Array, channels: number): ChannelSums {
  const sums: number[] = [];
  const squares: number[] = [];
  for (let channel = 0; channel < channels; channel += 1) {
    let sum = 0;
    let square = 0;
    for (let at = channel; at < pixels.length; at += channels) {
      const value = pixels[at] ?? 0;
      sum += value;
      square += value * value;
    }
    sums.push(sum);
    squares.push(square);
  }
  return { sums, squares };
}

/** Mean and standard deviation of each channel, with samples in [0, 1]. @param count samples of a channel @param scale largest sample */
export function statisticsOf(
  { sums, squares }: ChannelSums,
  count: number,
  scale: number,
): { mean: number[]; deviation: number[] } {
  return {
    mean: sums.map((sum) => sum / count / scale),
    deviation: sums.map((sum, channel) => {
      const variance = (squares[channel] ?? 0) / count - (sum / count) ** 2;
      return Math.sqrt(Math.max(0, variance)) / scale;
    }),
  };
}
