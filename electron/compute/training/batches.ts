import type { TrainConfig } from '../../../shared/domain/training.ts';
import { imageSize } from '../attacks/base/examples.ts';
import type { PackedDataset } from '../data/packed.ts';
import { openPipeline, type Pipeline, type PipelineOptions } from '../data/pipeline.ts';
import type { TrainingPlan } from './plan.ts';
import { epsilonShareAt } from './schedule.ts';

/** So many training images decide the mean colour. */
const MEAN_OVER = 1000;

/** The batches of a training from step `first` to its end, made ahead. The caller disposes of them. */
export function trainingBatches(
  { trainer, seed }: TrainConfig,
  dataset: PackedDataset,
  { order, defence: { inner, noise }, total }: TrainingPlan,
  first: number,
  thread?: PipelineOptions['thread'],
): Pipeline {
  const { shape } = dataset.manifest;
  const { flip, cropPadding, cutout } = trainer;
  return openPipeline({
    dataset,
    recipe: {
      shape,
      seed,
      augmentation: { flip, cropPadding, cutout },
      fill: cutout > 0 ? meanColour(dataset) : [],
      noise: noise ?? 0,
      randomStart: inner?.randomStart ?? false,
    },
    requestOf: (step) => ({
      step,
      epoch: Math.floor(step / order.stepsPerEpoch),
      positions: order.at(step),
      epsilon: inner ? inner.epsilon * epsilonShareAt(trainer.epsilonWarmup, step, total) : null,
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
