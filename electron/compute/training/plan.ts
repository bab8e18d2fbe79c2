import { AppError } from '../../../shared/domain/errors.ts';
import type { TrainConfig } from '../../../shared/domain/training.ts';
import { checkAugmentation } from '../data/augment.ts';
import type { PackedDataset } from '../data/packed.ts';
import type { ConfiguredDefence } from '../defences/defence.ts';
import { findDefence } from '../defences/registry.ts';
import { decisiveSettings } from '../defences/settings.ts';
import { buildNetwork, type Network } from '../models/network.ts';
import { configHash } from './checkpoint.ts';
import { optimizerOf, type Optimizer } from './optimizer.ts';
import { trainOrder, type TrainOrder } from './order.ts';

/** What decides a run's numbers, worked out from its configuration. */
export interface TrainingPlan {
  readonly network: Network;
  readonly defence: ConfiguredDefence;
  readonly order: TrainOrder;
  readonly optimizer: Optimizer;
  /** Steps of the whole run. */
  readonly total: number;
  readonly validateEvery: number;
  /** What a checkpoint of a step goes with, see `configHash`. */
  readonly hashAt: (step: number) => string;
}

/** @throws AppError `invalid-input` for wrong settings, and for a data set without training images. */
export function planTraining(config: TrainConfig, dataset: PackedDataset): TrainingPlan {
  const { manifest } = dataset;
  const { trainer } = config;
  const defence = findDefence(config.defence).configure(config.defenceSettings);
  checkAugmentation(trainer, manifest.shape);
  checkReplays(defence, trainer.epochs);
  const positions = dataset.positions('train').subarray(0, trainer.trainLimit ?? undefined);
  if (positions.length === 0) {
    throw new AppError('invalid-input', `The data set ${manifest.name} has no training images.`);
  }
  const order = trainOrder(positions, trainer.batchSize, config.seed);
  return {
    network: buildNetwork(config.architecture, manifest.shape, manifest.classes.length, trainer.normalise, {
      settings: config.architectureSettings,
      held: config.freeze,
    }),
    defence,
    order,
    optimizer: optimizerOf(trainer),
    total: trainer.epochs * order.stepsPerEpoch,
    validateEvery: Math.max(1, Math.round(trainer.validationEvery * order.stepsPerEpoch)),
    hashAt: (step) => configHash(config, decisiveSettings(defence.settings), manifest.hash, step),
  };
}

/** @throws AppError `invalid-input` if a run with replayed batches would not see every image once. */
export function checkReplays({ replay }: ConfiguredDefence, epochs: number): void {
  if (!replay || epochs >= replay.times) return;
  throw new AppError(
    'invalid-input',
    `epochs: each batch is used ${replay.times} times in a row and every use counts, so ${epochs} epochs would not come through the training images once. Take at least ${replay.times} epochs, or fewer replays.`,
    { details: { field: 'epochs', found: epochs, expected: replay.times } },
  );
}
