import { join } from 'node:path';
import { AppError } from '../../../shared/domain/errors.ts';
import type { WeightChoice } from '../../../shared/domain/training.ts';
import type { NpzArrays } from '../arrays/npz.ts';
import { BEST_CHECKPOINT, CHECKPOINTS, newestCheckpoint, readCheckpoint } from './checkpoint.ts';

/** Weights of a run by parameter name, and the step that they are of. */
interface KeptWeights {
  readonly arrays: NpzArrays;
  readonly step: number;
}

/**
 * The weights of a run's folder that a choice means: of its newest checkpoint, of the best one (the averaged weights
 * where there are any, since those were judged), or the averaged ones of the newest checkpoint.
 * @throws AppError `not-found` saying why the run has none.
 */
export async function keptWeights(folder: string, choice: WeightChoice): Promise<KeptWeights> {
  if (choice === 'best') {
    const best = await readCheckpoint(join(folder, CHECKPOINTS, BEST_CHECKPOINT)).catch((cause: unknown) => {
      throw cause instanceof AppError && cause.code === 'not-found'
        ? none(
            'It has no best weights: it was never validated. Runs are validated on the held-out part of their data set.',
          )
        : cause;
    });
    const averaged = Object.keys(best.average).length > 0;
    return { arrays: averaged ? best.average : best.weights, step: best.meta.step };
  }
  const newest = await newestCheckpoint(folder, null);
  if (!newest) throw none('It has no checkpoint yet.');
  const arrays = choice === 'ema' ? newest.average : newest.weights;
  if (Object.keys(arrays).length === 0) {
    throw none('It has no averaged weights: train with a decay for them (ema, such as 0.999).');
  }
  return { arrays, step: newest.meta.step };
}

function none(message: string): AppError {
  return new AppError('not-found', message, { details: { field: 'weights' } });
}
