import type { TrainConfig } from '../../../shared/domain/training.ts';
import { imageSize } from '../attacks/base/examples.ts';
import type { PackedDataset } from '../data/packed.ts';
import { openPipeline, type Pipeline, type PipelineOptions, type PreparedBatch } from '../data/pipeline.ts';
import type { TrainingPlan } from './plan.ts';
import { epsilonShareAt } from './schedule.ts';

/** So many training images decide the mean colour. */
const MEAN_OVER = 1000;

/** The batches of a training from step `first` to its end, made ahead. The caller disposes of them. */
export function trainingBatches(
  { trainer, seed }: TrainConfig,
  dataset: PackedDataset,
  { order, defence: { inner, noise, replay }, total }: TrainingPlan,
  first: number,
  thread?: PipelineOptions['thread'],
): Pipeline {
  const { shape } = dataset.manifest;
  const { flip, cropPadding, cutout } = trainer;
  const batchOf = (step: number): number => Math.floor(step / (replay?.times ?? 1));
  return openPipeline({
    dataset,
    recipe: {
      shape,
      seed,
      augmentation: { flip, cropPadding, cutout },
      fill: cutout > 0 ? meanColour(dataset) : [],
      noise: noise ?? 0,
      randomStart: inner?.randomStart ?? false,
      ...(inner?.startNoise !== undefined && { startNoise: inner.startNoise }),
    },
    requestOf: (step) => ({
      step,
      epoch: Math.floor(batchOf(step) / order.stepsPerEpoch),
      positions: order.at(batchOf(step)),
      epsilon: inner ? inner.epsilon * epsilonShareAt(trainer, step, total) : null,
    }),
    capacity: Math.min(trainer.batchSize, order.examples),
    attacked: inner !== null,
    first,
    total,
    ...(thread !== undefined && { thread }),
  });
}

/** Mean of the first training images, [channels] in [0, 1]. */
function meanColour(dataset: PackedDataset): readonly number[] {
  const { shape } = dataset.manifest;
  const channels = shape[2];
  const pixels = dataset.readBytes(dataset.positions('train').subarray(0, MEAN_OVER));
  const sums = new Array<number>(channels).fill(0);
  pixels.forEach((byte, at) => (sums[at % channels] = (sums[at % channels] ?? 0) + byte));
  const count = Math.max(1, pixels.length / imageSize(shape)) * shape[0] * shape[1];
  return sums.map((sum) => sum / (255 * count));
}

/** A batch cut into so many parts of about the same size, or into single examples. */
export function inParts(
  { examples, points }: PreparedBatch,
  count: number,
): readonly Pick<PreparedBatch, 'examples' | 'points'>[] {
  const rows = examples.labels.length;
  const parts = Math.min(count, rows);
  if (parts === 1) return [{ examples, points }];
  return Array.from({ length: parts }, (_, part) => {
    const [start, end] = [Math.floor((part * rows) / parts), Math.floor(((part + 1) * rows) / parts)];
    const pixels = (all: Float32Array): Float32Array => {
      const size = all.length / rows;
      return all.subarray(start * size, end * size);
    };
    return {
      examples: {
        ...examples,
        images: pixels(examples.images),
        labels: examples.labels.subarray(start, end),
        indices: examples.indices.subarray(start, end),
      },
      points: points && { start: pixels(points.start), lower: pixels(points.lower), upper: pixels(points.upper) },
    };
  });
}
