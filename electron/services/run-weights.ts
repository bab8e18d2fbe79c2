import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { AppError } from '../../shared/domain/errors.ts';
import type { RunRow } from '../../shared/domain/library.ts';
import type { ModelSummary } from '../../shared/domain/model.ts';
import type { WeightChoice } from '../../shared/domain/training.ts';
import { writeNpz, type NpzArrays } from '../compute/arrays/npz.ts';
import { keptWeights } from '../compute/training/kept-weights.ts';
import { trainedModel } from './job-outcomes.ts';
import { requireDataset, requireModel, type Session } from './session.ts';

const WHAT: Readonly<Record<WeightChoice, string>> = { last: 'last', best: 'best', ema: 'averaged' };

/** See `Library.runs.model`. */
export async function modelOfRun(session: Session, run: RunRow, choice: WeightChoice): Promise<ModelSummary> {
  const { store, changed } = session;
  if (run.state === 'done' && (run.result?.kept?.weights ?? 'last') === choice) return requireModel(store, run.id);
  const { arrays, step } = await keptWeights(store.folder.of('run', run.id), choice).catch((cause: unknown) => {
    if (!(cause instanceof AppError)) throw cause;
    throw new AppError(cause.code, `${run.name}: ${cause.message}`, { cause, details: cause.details });
  });
  const id = modelId(run.id, choice, step, arrays);
  const known = store.models.get(id);
  if (known) return known;
  if (store.bin.restore(id)) return requireModel(store, id);
  const folder = store.folder.of('model', id);
  const file = join(folder, 'weights.npz');
  try {
    await mkdir(folder, { recursive: true });
    await writeNpz(file, arrays);
  } catch (cause) {
    await rm(folder, { recursive: true, force: true });
    throw cause;
  }
  const parameters = Object.entries(arrays).reduce((sum, [name, { data }]) => {
    return /_(mean|variance|deviation)$/.test(name) ? sum : sum + data.length;
  }, 0);
  store.models.put(
    {
      ...trainedModel(store, run, requireDataset(store, run.config.dataset)),
      id,
      origin: 'imported',
      name: `${run.name} (${WHAT[choice]}, step ${step})`,
      parameters,
      colour: store.runs.nextColour(),
    },
    relative(store.folder.root, file),
  );
  changed();
  return requireModel(store, id);
}

/**
 * The same weights of the same run are the same model, however often they are asked for. A run that goes on in another way
 * may come to other weights in the same step.
 */
function modelId(run: string, choice: WeightChoice, step: number, arrays: NpzArrays): string {
  const hash = createHash('sha256').update(`${run} ${choice} ${step}`);
  for (const [name, { data }] of Object.entries(arrays)) {
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return `model-${hash.digest('hex').slice(0, 12)}`;
}
