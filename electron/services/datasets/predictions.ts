import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { DatasetManifest } from '../../../shared/domain/dataset.ts';
import { engineChoice, engineInfo } from '../../../shared/domain/engine.ts';
import type { EngineInfo } from '../../../shared/domain/engine.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { entityId } from '../../../shared/domain/ids.ts';
import { writeAtomic } from '../../compute/arrays/atomic.ts';
import { readNpz } from '../../compute/arrays/npz.ts';
import { PREDICTIONS_FILE } from '../../compute/jobs/prediction-file.ts';
import type { StoredJob } from '../../store/jobs.ts';
import type { StoredModel } from '../../store/models.ts';
import type { Store } from '../../store/store.ts';

/** What a prediction job was asked for, as the queue keeps it. */
const predictionOptions = z.object({
  model: entityId,
  dataset: entityId,
  engine: engineChoice,
  batchSize: z.int().min(1),
});
export type PredictionOptions = z.infer<typeof predictionOptions>;

export function predictionOf(options: string): PredictionOptions {
  return predictionOptions.parse(JSON.parse(options));
}

/** Beside the predictions: of which weights they are. Those of other weights do not count. */
const origin = z.object({ weights: z.string(), engine: engineInfo, created: z.string() });

/** A model's predictions for a data set: `count` likeliest classes of each image, the likeliest first. */
export interface Predictions {
  readonly count: number;
  /** [images, count] */
  readonly classes: Uint16Array;
  /** [images, count] */
  readonly probabilities: Float32Array;
  /** [images]: the first of each. */
  readonly predicted: Uint16Array;
  readonly confidence: Float32Array;
}

/** Versions of one data set share their pixels, and with them what models say of these. */
function pixelsOf({ hash, parent }: DatasetManifest): string {
  return parent?.pixels ?? parent?.hash ?? hash;
}

function folderOf(store: Store, model: StoredModel, manifest: DatasetManifest): string {
  const kind = model.origin === 'run' ? 'run' : 'model';
  return join(store.folder.of(kind, model.id), 'predictions', pixelsOf(manifest).slice(0, 32));
}

/** Whether there is a file of predictions; {@link readPredictions} says whether it counts. */
export function arePredicted(store: Store, model: StoredModel, manifest: DatasetManifest): boolean {
  return existsSync(join(folderOf(store, model, manifest), PREDICTIONS_FILE));
}

/** What was read last, by where it is from and when it was made: an inspector asks for every image. */
const kept = new Map<string, Predictions>();
const MOST_KEPT = 6;

/**
 * Predictions that a job made earlier, with the weights that the model has now.
 * @returns null if there are none.
 */
export async function readPredictions(
  store: Store,
  model: StoredModel,
  manifest: DatasetManifest,
): Promise<Predictions | null> {
  const folder = folderOf(store, model, manifest);
  const text = await readFile(join(folder, 'origin.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  const made = origin.safeParse(JSON.parse(text));
  if (!made.success || made.data.weights !== (await hashOf(join(store.folder.root, model.weights)))) return null;
  const known = kept.get(text + folder);
  if (known) return known;
  const arrays = await readNpz(join(folder, PREDICTIONS_FILE)).catch(() => null);
  const { classes, probabilities } = arrays ?? {};
  if (
    !(classes?.data instanceof Uint16Array) ||
    !(probabilities?.data instanceof Float32Array) ||
    classes.shape[0] !== manifest.images
  )
    return null;
  const count = classes.shape[1] ?? 1;
  const predicted = new Uint16Array(manifest.images);
  const confidence = new Float32Array(manifest.images);
  for (let i = 0; i < predicted.length; i += 1) {
    predicted[i] = classes.data[i * count] ?? 0;
    confidence[i] = probabilities.data[i * count] ?? Number.NaN;
  }
  const read = { count, classes: classes.data, probabilities: probabilities.data, predicted, confidence };
  kept.set(text + folder, read);
  const [oldest] = kept.keys();
  if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
  return read;
}

/** Puts what a finished job predicted beside its model. @throws AppError `not-found` if model or data set are gone. */
export async function keepPredictions(store: Store, job: StoredJob, engine: EngineInfo): Promise<void> {
  const options = predictionOf(job.options);
  const model = store.models.get(options.model);
  const manifest = store.datasets.get(options.dataset)?.manifest;
  const made = store.folder.scratch(job.id);
  if (!model || !manifest) {
    await rm(made, { recursive: true, force: true });
    throw new AppError('not-found', 'The model or the data set was deleted before its predictions were done.');
  }
  const folder = folderOf(store, model, manifest);
  await mkdir(dirname(folder), { recursive: true });
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  await copyFile(join(made, PREDICTIONS_FILE), join(folder, PREDICTIONS_FILE));
  const weights = await hashOf(join(store.folder.root, model.weights));
  // Last: without it the rest does not count.
  await writeAtomic(
    join(folder, 'origin.json'),
    JSON.stringify({ weights, engine, created: new Date().toISOString() } satisfies z.infer<typeof origin>),
  );
  await rm(made, { recursive: true, force: true });
}

const hashes = new Map<string, string>();

/** SHA-256 of a file, worked out again only when its size or time has changed. */
async function hashOf(file: string): Promise<string> {
  const { size, mtimeMs } = await stat(file);
  const key = `${file} ${size} ${mtimeMs}`;
  const known = hashes.get(key);
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Uint8Array);
  const digest = hash.digest('hex');
  hashes.set(key, digest);
  return digest;
}
