import { AppError } from '../../../shared/domain/errors.ts';
import type { TrainConfig } from '../../../shared/domain/training.ts';
import type { PackedDataset } from '../data/packed.ts';
import type { ConfiguredDefence } from '../defences/defence.ts';
import { findDefence } from '../defences/registry.ts';
import { decisiveSettings } from '../defences/settings.ts';
import { buildNetwork, type Network } from '../models/network.ts';
import { checkTrainer } from './check.ts';
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
  checkTrainer(trainer, { manifest, defence });
  for (const { parts } of config.partChanges) checkTrainer({ ...trainer, accumulation: parts }, { manifest, defence });
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
