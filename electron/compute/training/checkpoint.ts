import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../../shared/domain/errors.ts';
import type { SettingValues } from '../../../shared/domain/settings.ts';
import type { TrainConfig } from '../../../shared/domain/training.ts';
import { writeError } from '../arrays/atomic.ts';
import { isAugmented } from '../data/augment.ts';
import { readNpz, writeNpz, type NpzArrays } from '../arrays/npz.ts';
import type { NpyArray } from '../arrays/npy.ts';

export const CHECKPOINTS = 'checkpoints';
export const BEST_CHECKPOINT = 'best.npz';
const KEPT = 2;

const checkpointMeta = z.object({
  format: z.literal(1),
  /** Steps done. */
  step: z.int().min(0),
  /** {@link configHash} of the run. */
  config: z.string(),
  /** Seconds of computing so far. */
  seconds: z.number(),
  /** Best adversarial accuracy on the held-out part so far; null before the first validation. */
  best: z.number().nullable(),
});
export type CheckpointMeta = z.infer<typeof checkpointMeta>;

/** State of a training after a step: everything from which the next step follows. */
export interface Checkpoint {
  readonly meta: CheckpointMeta;
  /** By parameter name. */
  readonly weights: NpzArrays;
  /** By slot name, each [parameters]. */
  readonly optimizer: NpzArrays;
}

/**
 * What decides the numbers of a run: a checkpoint goes with this and nothing else. Name and engine do not enter.
 * @param defenceSettings with every default filled in
 */
export function configHash(config: TrainConfig, defenceSettings: SettingValues, datasetHash: string): string {
  const { architecture, defence, trainer, seed } = config;
  const settings = Object.entries(defenceSettings).toSorted(([a], [b]) => (a < b ? -1 : 1));
  // Checkpoints from before there was augmentation go with settings that leave it off.
  const { flip, cropPadding, cutout, ...others } = trainer;
  const parts: unknown[] = [datasetHash, architecture, defence, settings, others, seed];
  if (isAugmented(trainer)) parts.push({ flip, cropPadding, cutout });
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

export const checkpointName = (step: number): string => `step-${String(step).padStart(8, '0')}.npz`;

/**
 * Writes a checkpoint atomically.
 * @param name file name within the run's checkpoints.
 * @returns the file. @throws AppError `library-full`, `library-read-only`, `io`.
 */
export async function writeCheckpoint(folder: string, name: string, checkpoint: Checkpoint): Promise<string> {
  const file = join(folder, CHECKPOINTS, name);
  await mkdir(join(folder, CHECKPOINTS), { recursive: true }).catch((cause: unknown) => {
    throw writeError(file, cause);
  });
  const meta = new TextEncoder().encode(JSON.stringify(checkpoint.meta));
  await writeNpz(file, {
    ...prefixed('weights/', checkpoint.weights),
    ...prefixed('optimizer/', checkpoint.optimizer),
    meta: { dtype: 'u8', shape: [meta.length], data: meta },
  });
  return file;
}

/** Removes all numbered checkpoints but the newest two. */
export async function pruneCheckpoints(folder: string): Promise<void> {
  const old = (await checkpointFiles(folder)).slice(KEPT);
  await Promise.all(old.map((name) => rm(join(folder, CHECKPOINTS, name), { force: true })));
}

/**
 * The newest checkpoint of a run that can be read; damaged ones are passed over. null if there is none.
 * @throws AppError `conflict` if it was made with other settings or another data set.
 */
export async function newestCheckpoint(folder: string, config: string): Promise<Checkpoint | null> {
  for (const name of await checkpointFiles(folder)) {
    const file = join(folder, CHECKPOINTS, name);
    const checkpoint = await readCheckpoint(file).catch(() => null);
    if (!checkpoint) continue;
    if (checkpoint.meta.config !== config) {
      throw new AppError(
        'conflict',
        `${file} belongs to other settings or another data set. Start the training anew instead of resuming it.`,
        { details: { file } },
      );
    }
    return checkpoint;
  }
  return null;
}

/** @throws AppError `not-found` or `bad-data`. */
export async function readCheckpoint(file: string): Promise<Checkpoint> {
  const { meta, ...arrays } = await readNpz(file);
  const parsed = checkpointMeta.safeParse(parseMeta(meta));
  if (!parsed.success) throw new AppError('bad-data', `${file} is not a checkpoint.`, { details: { file } });
  return {
    meta: parsed.data,
    weights: withPrefix('weights/', arrays),
    optimizer: withPrefix('optimizer/', arrays),
  };
}

function parseMeta(array: NpyArray | undefined): unknown {
  if (!(array?.data instanceof Uint8Array)) return null;
  try {
    return JSON.parse(new TextDecoder().decode(array.data));
  } catch {
    return null;
  }
}

/** Names of the numbered checkpoints, newest first. */
async function checkpointFiles(folder: string): Promise<readonly string[]> {
  const names = await readdir(join(folder, CHECKPOINTS)).catch(() => []);
  return names
    .filter((name) => /^step-\d{8}\.npz$/.test(name))
    .toSorted()
    .toReversed();
}

function prefixed(prefix: string, arrays: NpzArrays): NpzArrays {
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [prefix + name, array]));
}

function withPrefix(prefix: string, arrays: NpzArrays): NpzArrays {
  return Object.fromEntries(
    Object.entries(arrays).flatMap(([name, array]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), array] as const] : [],
    ),
  );
}
