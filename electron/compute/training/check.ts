import type { DatasetManifest } from '../../../shared/domain/dataset.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { TrainerSettings } from '../../../shared/domain/training.ts';
import { checkAugmentation } from '../data/augment.ts';
import type { PackedDataset } from '../data/packed.ts';
import type { ConfiguredDefence } from '../defences/defence.ts';

/** What the trainer's settings must agree with. */
interface TrainedOn {
  readonly manifest: Pick<DatasetManifest, 'name' | 'shape' | 'splits'>;
  readonly defence: Pick<ConfiguredDefence, 'name' | 'smallestBatch' | 'replay'>;
}

/** @throws AppError `invalid-input` for settings that contradict each other, the data set or the defence. */
export function checkTrainer(trainer: TrainerSettings, { manifest, defence }: TrainedOn): void {
  const { batchSize, accumulation, patience, keep, ema, epochs } = trainer;
  checkAugmentation(trainer, manifest.shape);
  if (manifest.splits.train === 0) {
    throw wrong(
      'dataset',
      `${manifest.name} has no training images: it is a test set. Choose the data set that it was made from.`,
    );
  }
  if (manifest.splits.validation === 0 && (patience !== null || keep === 'best')) {
    const field = keep === 'best' ? 'keep' : 'patience';
    throw wrong(
      field,
      `${field}: ${manifest.name} has no validation images, so nothing says which weights are best or when to stop. Import it with a share for validation, keep the last weights, and leave the patience empty.`,
    );
  }
  if (keep === 'ema' && ema === 0) {
    throw wrong('ema', 'ema: the run is to keep averaged weights, but their decay is 0. Set it, to 0.999 for example.');
  }
  const smallest = defence.smallestBatch ?? 1;
  const part = Math.floor(batchSize / accumulation);
  if (part < smallest && batchSize < smallest) {
    throw wrong(
      'batchSize',
      `batchSize: ${defence.name} pairs images of a batch with each other: take at least ${smallest}.`,
    );
  }
  const { replay } = defence;
  if (replay && epochs < replay.times) {
    throw wrong(
      'epochs',
      `epochs: ${defence.name} uses each batch ${replay.times} times in a row, and every use counts: ${epochs} epochs would not come through the training images once. Take at least ${replay.times}, or fewer replays.`,
    );
  }
  if (part < smallest) {
    throw wrong(
      'accumulation',
      `accumulation: ${defence.name} pairs images with each other within a micro-batch; ${accumulation} parts of ${batchSize} images are too small. Take at most ${Math.floor(batchSize / smallest)} parts.`,
    );
  }
}

function wrong(field: string, message: string): AppError {
  return new AppError('invalid-input', message, { details: { field } });
}

/**
 * What of a data set makes a training's numbers mean less than they seem to; each a sentence for a person.
 * @param labels of the training images that are used, and of the validation and test images
 */
export function dataNotes(
  classes: readonly string[],
  labels: {
    readonly train: readonly number[];
    readonly validation: readonly number[];
    readonly test: readonly number[];
  },
): readonly string[] {
  const missing = (seen: readonly number[]): readonly string[] => {
    const present = new Set(seen);
    return classes.filter((_, label) => !present.has(label));
  };
  const untrained = missing(labels.train);
  const unmeasured = labels.validation.length === 0 ? [] : missing(labels.validation);
  const untested = labels.test.length === 0 ? [] : missing(labels.test);
  return [
    ...(untrained.length > 0
      ? [`No training image shows ${listed(untrained)}: the network cannot learn what it looks like.`]
      : []),
    ...(unmeasured.length > 0
      ? [`No validation image shows ${listed(unmeasured)}: accuracies on the held-out part say nothing about it.`]
      : []),
    ...(untested.length > 0 ? [`No test image shows ${listed(untested)}: evaluations will say nothing about it.`] : []),
    ...(labels.validation.length === 0
      ? ['The data set has no validation images: accuracies are not measured while the run goes on.']
      : []),
  ];
}

/** {@link dataNotes} of what a run trains on. */
export function notesOn(
  { trainLimit }: Pick<TrainerSettings, 'trainLimit'>,
  dataset: PackedDataset,
): readonly string[] {
  const labels = (split: 'train' | 'validation' | 'test', limit: number | null): number[] =>
    Array.from(dataset.positions(split).subarray(0, limit ?? undefined), (position) => dataset.labels[position] ?? 0);
  return dataNotes(dataset.manifest.classes, {
    train: labels('train', trainLimit),
    validation: labels('validation', null),
    test: labels('test', null),
  });
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => `“${name}”`);
  return names.length > shown.length ? `${shown.join(', ')} and ${names.length - shown.length} more` : shown.join(', ');
}
