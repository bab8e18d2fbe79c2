import { join } from 'node:path';
import { EXCLUDED, type DatasetManifest } from '../../../../shared/domain/dataset.ts';
import type { DatasetStatistics, Histogram } from '../../../../shared/domain/dataset-view.ts';
import { SPLITS } from '../../../../shared/domain/shape.ts';
import { writeAtomic } from '../../arrays/atomic.ts';
import { formatNpy } from '../../arrays/npy.ts';
import type { Control } from '../../jobs/control.ts';
import { ITEMS_FILE, openItems } from '../items.ts';
import { openPacked, type PackedDataset } from '../packed.ts';

/** Beside the packed arrays: what {@link writeStatistics} found. They may be deleted, and are then worked out again. */
export const STATISTICS_FILE = 'statistics.json';
/** f32 [1 + classes, height, width, channels] in [0, 1]: the mean image of all, then that of each class (0 without images). */
export const MEAN_FILE = 'mean.npy';

/** About this many bytes of pixels are read at once. */
const READ_BYTES = 2 ** 20;
/** Sums of mean images take no more values than this; beyond it there is the mean of all alone. */
const MOST_SUMS = 16_000_000;
const PIXEL_BARS = 64;
const LOOK_BARS = 40;
/** Most sizes that are told apart. */
const MOST_SIZES = 200;

/**
 * Statistics of all images that no edit took out, and their mean images, in one pass; both are written beside the arrays.
 * @throws AppError `cancelled`, `bad-data` for a damaged set, and the errors of writing.
 */
export async function writeStatistics(folder: string, control: Control): Promise<DatasetStatistics> {
  const dataset = await openPacked(folder);
  try {
    const { statistics, mean } = await measure(dataset, control);
    await writeAtomic(join(folder, MEAN_FILE), formatNpy(mean));
    await writeAtomic(join(folder, STATISTICS_FILE), JSON.stringify(statistics));
    return statistics;
  } finally {
    dataset.close();
  }
}

async function measure(
  dataset: PackedDataset,
  control: Control,
): Promise<{
  readonly statistics: DatasetStatistics;
  readonly mean: { readonly dtype: 'f32'; readonly shape: number[]; readonly data: Float32Array };
}> {
  const { manifest, labels, splits } = dataset;
  const { shape, classes } = manifest;
  const [height, width, channels] = shape;
  const size = height * width * channels;
  const rows = (classes.length + 1) * size <= MOST_SUMS ? classes.length + 1 : 1;
  const sums = new Float64Array(rows * size);
  const counts = new Float64Array(rows);
  const channelSums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  const bars = new Float64Array(channels * PIXEL_BARS);
  const brightness = emptyHistogram(1, LOOK_BARS);
  const contrast = emptyHistogram(0.5, LOOK_BARS);
  const taken = positionsLeft(splits);
  const chunk = Math.max(1, Math.floor(READ_BYTES / (4 * size)));
  for (let start = 0; start < taken.length; start += chunk) {
    const positions = taken.subarray(start, start + chunk);
    const pixels = dataset.readImages(positions);
    positions.forEach((position, at) => {
      const row = rows > 1 ? (labels[position] ?? 0) + 1 : 0;
      let sum = 0;
      let square = 0;
      for (let i = 0, channel = 0; i < size; i += 1) {
        const value = pixels[at * size + i] ?? 0;
        sums[i] = (sums[i] ?? 0) + value;
        if (row > 0) sums[row * size + i] = (sums[row * size + i] ?? 0) + value;
        channelSums[channel] = (channelSums[channel] ?? 0) + value;
        squares[channel] = (squares[channel] ?? 0) + value * value;
        const bar = channel * PIXEL_BARS + Math.min(PIXEL_BARS - 1, Math.floor(value * PIXEL_BARS));
        bars[bar] = (bars[bar] ?? 0) + 1;
        sum += value;
        square += value * value;
        channel = channel + 1 === channels ? 0 : channel + 1;
      }
      counts[0] = (counts[0] ?? 0) + 1;
      if (row > 0) counts[row] = (counts[row] ?? 0) + 1;
      const mean = sum / size;
      add(brightness, mean);
      add(contrast, Math.sqrt(Math.max(0, square / size - mean * mean)));
    });
    control.progress({ done: start + positions.length, total: taken.length, unit: 'images', message: '' });
    await control.checkpoint();
  }
  const pixelsEach = taken.length * height * width;
  return {
    mean: {
      dtype: 'f32',
      shape: [rows, ...shape],
      data: Float32Array.from(sums, (sum, at) => {
        const count = counts[Math.floor(at / size)] ?? 0;
        return count > 0 ? sum / count : 0;
      }),
    },
    statistics: {
      images: taken.length,
      excluded: splits.length - taken.length,
      classes: balance(manifest, labels, splits),
      channels: Array.from({ length: channels }, (_, channel) => {
        const mean = pixelsEach > 0 ? (channelSums[channel] ?? 0) / pixelsEach : 0;
        const variance = pixelsEach > 0 ? (squares[channel] ?? 0) / pixelsEach - mean * mean : 0;
        const pixels = {
          low: 0,
          high: 1,
          counts: Array.from(bars.subarray(channel * PIXEL_BARS, (channel + 1) * PIXEL_BARS)),
        };
        return { mean, deviation: Math.sqrt(Math.max(0, variance)), pixels };
      }),
      brightness,
      contrast,
      sizes: sizesOf(dataset.folder, splits),
    },
  };
}

function positionsLeft(splits: Uint8Array): Uint32Array {
  return Uint32Array.from(
    (function* () {
      for (let position = 0; position < splits.length; position += 1) if (splits[position] !== EXCLUDED) yield position;
    })(),
  );
}

function emptyHistogram(high: number, bars: number): Histogram {
  return { low: 0, high, counts: new Array<number>(bars).fill(0) };
}

function add({ low, high, counts }: Histogram, value: number): void {
  const bar = Math.min(counts.length - 1, Math.max(0, Math.floor(((value - low) / (high - low)) * counts.length)));
  counts[bar] = (counts[bar] ?? 0) + 1;
}

/** Images of each class in each split. */
function balance({ classes }: DatasetManifest, labels: Uint16Array, splits: Uint8Array): DatasetStatistics['classes'] {
  const columns = [...SPLITS, 'excluded'] as const;
  const counts = new Uint32Array(classes.length * columns.length);
  labels.forEach((label, position) => {
    const split = splits[position] ?? EXCLUDED;
    const at = label * columns.length + (split === EXCLUDED ? SPLITS.length : split);
    counts[at] = (counts[at] ?? 0) + 1;
  });
  return classes.map((name, label) => {
    const [train = 0, validation = 0, test = 0, excluded = 0] = counts.subarray(label * columns.length);
    return { name, train, validation, test, excluded };
  });
}

function sizesOf(folder: string, splits: Uint8Array): DatasetStatistics['sizes'] {
  const items = openItems(join(folder, ITEMS_FILE));
  if (!items) return [];
  try {
    const { width, height } = items.values();
    const counts = new Map<string, { width: number; height: number; images: number }>();
    for (let position = 0; position < width.length; position += 1) {
      const [w, h] = [width[position] ?? Number.NaN, height[position] ?? Number.NaN];
      if (splits[position] === EXCLUDED || Number.isNaN(w) || Number.isNaN(h)) continue;
      const known = counts.get(`${w} ${h}`) ?? { width: w, height: h, images: 0 };
      known.images += 1;
      counts.set(`${w} ${h}`, known);
    }
    return [...counts.values()].sort((a, b) => b.images - a.images).slice(0, MOST_SIZES);
  } finally {
    items.close();
  }
}
