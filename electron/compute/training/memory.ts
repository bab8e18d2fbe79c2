import { partsAt, type TrainConfig } from '../../../shared/domain/training.ts';
import type { PackedDataset } from '../data/packed.ts';
import { activationsOf, trainingMemory } from '../models/cost.ts';
import { parameterCount } from '../models/network.ts';
import { halvesUsed } from './gradient.ts';
import { planTraining } from './plan.ts';

/** Images that go through a network at once: those of a micro-batch, and their adversarial examples where both are used. */
export function imagesAtOnce(config: TrainConfig, halves: number, step: number): number {
  return Math.ceil(config.trainer.batchSize / partsAt(config, step)) * halves;
}

/** Bytes that a run is going to take, from its configuration. @throws AppError `invalid-input` as the run itself would. */
export function expectedMemory(config: TrainConfig, dataset: PackedDataset): number {
  const { network, defence, total } = planTraining(config, dataset);
  const atOnce = imagesAtOnce(config, halvesUsed(defence).length, total);
  return trainingMemory(parameterCount(network), activationsOf(network), atOnce);
}
