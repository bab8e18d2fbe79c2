import type { PackedDataset } from './packed.ts';

/** Of each channel, with pixels in [0, 1]. */
export interface ChannelStatistics {
  readonly mean: readonly number[];
  /** Standard deviation over all pixels of all images; 1 for a channel that is the same everywhere. */
  readonly deviation: readonly number[];
}

/** Images read at once. */
const CHUNK = 256;

/**
 * Mean and standard deviation of the channels over the images at `positions`, from exact sums: neither the order nor the
 * size of the pieces in which they are read changes a bit.
 */
export function channelStatistics(dataset: PackedDataset, positions: Uint32Array): ChannelStatistics {
  const [height, width, channels] = dataset.manifest.shape;
  const sums = new Array<number>(channels).fill(0);
  const squares = new Array<number>(channels).fill(0);
  for (let start = 0; start < positions.length; start += CHUNK) {
    const bytes = dataset.readBytes(positions.subarray(start, start + CHUNK));
    bytes.forEach((byte, at) => {
      const channel = at % channels;
      sums[channel] = (sums[channel] ?? 0) + byte;
      squares[channel] = (squares[channel] ?? 0) + byte * byte;
    });
  }
  const count = positions.length * height * width;
  return {
    mean: sums.map((sum) => sum / count / 255),
    deviation: sums.map((sum, channel) => {
      const variance = (squares[channel] ?? 0) / count - (sum / count) ** 2;
      return variance > 0 ? Math.sqrt(variance) / 255 : 1;
    }),
  };
}
