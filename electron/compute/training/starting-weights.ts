import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../shared/domain/errors.ts';
import type { TrainConfig } from '../../../shared/domain/training.ts';
import { readNpz, type NpzArrays } from '../arrays/npz.ts';

/** Beside a run's checkpoints: the weights that it starts from, by its own parameters' names. */
export const STARTING_WEIGHTS_FILE = 'initial.npz';

/**
 * The weights that a run does not draw but was given when it was made.
 * @returns none for a run that draws all.
 * @throws AppError `not-found` if they are not there any more; `bad-data`.
 */
export async function readStartingWeights(config: TrainConfig, folder: string): Promise<NpzArrays> {
  if (!config.initial) return {};
  const file = join(folder, STARTING_WEIGHTS_FILE);
  await access(file).catch((cause: unknown) => {
    throw new AppError('not-found', `The weights that this training starts from are missing: ${file}. Make it anew.`, {
      cause,
      details: { file },
    });
  });
  return readNpz(file);
}
