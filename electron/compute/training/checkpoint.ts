import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../../shared/domain/errors.ts';
import type { SettingValues } from '../../../shared/domain/settings.ts';
import { trainerSettings, type TrainConfig, type TrainerSettings } from '../../../shared/domain/training.ts';
import { writeError } from '../arrays/atomic.ts';
import { isAugmented } from '../data/augment.ts';
import { readNpz, writeNpz, type NpzArrays } from '../arrays/npz.ts';
import type { NpyArray } from '../arrays/npy.ts';

export const CHECKPOINTS = 'checkpoints';
export const BEST_CHECKPOINT = 'best.npz';
/** That of the newest probe that found the run in good health. */
export const GOOD_CHECKPOINT = 'good.npz';
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
  /** The averaged weights by parameter name; empty where none are kept. */
  readonly average: NpzArrays;
  /** What the defence keeps from step to step, see `Adversary.save`. */
  readonly defence: NpzArrays;
}

/** The settings that checkpoints from before there were others go with, in their order of then. */
const FIRST_SETTINGS = [
  'epochs',
  'batchSize',
  'optimizer',
  'learningRate',
  'schedule',
  'epsilonWarmup',
  'normalise',
  'labelSmoothing',
  'validationEvery',
  'validationSteps',
  'checkpointEvery',
  'trainLimit',
] as const satisfies readonly (keyof TrainerSettings)[];
/** How a batch is cut may change within a run: by rounding alone where no layer and no loss sees a part by itself. */
const CHANGEABLE: readonly (keyof TrainerSettings)[] = ['accumulation'];

/**
 * What decides the numbers of a run up to a step: a checkpoint of that step goes with this and nothing else. Name and
 * engine do not enter, nor do cuts of the learning rate and of batches that come later.
 * @param defenceSettings with every default filled in
 */
export function configHash(
  config: TrainConfig,
  defenceSettings: SettingValues,
  datasetHash: string,
  step: number,
): string {
  const { architecture, defence, trainer, seed, rateCuts, partChanges } = config;
  const settings = Object.entries(defenceSettings).toSorted(([a], [b]) => (a < b ? -1 : 1));
  // Checkpoints from before there was augmentation go with settings that leave it off.
  const { flip, cropPadding, cutout, ...others } = trainer;
  const first = Object.fromEntries(FIRST_SETTINGS.map((key) => [key, trainer[key]]));
  const parts: unknown[] = [datasetHash, architecture, defence, settings, first, seed];
  if (isAugmented(trainer)) parts.push({ flip, cropPadding, cutout });
  // Likewise with later settings that are as they were when there was no choice.
  const standard: Readonly<Record<string, unknown>> = trainerSettings.parse({});
  const known: readonly string[] = [...FIRST_SETTINGS, ...CHANGEABLE];
  const later = Object.entries(others).filter(([key, value]) => !known.includes(key) && value !== standard[key]);
  if (later.length > 0) parts.push({ later: later.toSorted(([a], [b]) => (a < b ? -1 : 1)) });
  const { architectureSettings = {}, initial, freeze = [] } = config;
  if (Object.keys(architectureSettings).length > 0) parts.push({ architectureSettings });
  if (initial || freeze.length > 0) parts.push({ initial, freeze });
  const cuts = rateCuts.filter(({ after }) => after < step);
  if (cuts.length > 0) parts.push({ cuts });
  const changes = partChanges.filter(({ after }) => after < step);
  if (changes.length > 0) parts.push({ partChanges: changes });
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
    ...prefixed('ema/', checkpoint.average),
    ...prefixed('defence/', checkpoint.defence),
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
 * @param hashAt {@link configHash} at a step; null to take it whatever it goes with.
 * @throws AppError `conflict` if it was made with other settings or another data set.
 */
export async function newestCheckpoint(
  folder: string,
  hashAt: ((step: number) => string) | null,
): Promise<Checkpoint | null> {
  for (const name of await checkpointFiles(folder)) {
    const file = join(folder, CHECKPOINTS, name);
    const checkpoint = await readCheckpoint(file).catch(() => null);
    if (!checkpoint) continue;
    if (hashAt && checkpoint.meta.config !== hashAt(checkpoint.meta.step)) {
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

/**
 * Takes back the checkpoint of a step that turned out to be no good.
 * @returns the step of the newest one that is left; null if there is none.
 */
export async function dropCheckpoint(folder: string, step: number): Promise<number | null> {
  await rm(join(folder, CHECKPOINTS, checkpointName(step)), { force: true });
  const [newest] = await checkpointFiles(folder);
  return newest === undefined ? null : Number(/\d+/.exec(newest)?.[0]);
}

/** Takes back all numbered checkpoints of later steps. */
export async function dropCheckpointsAfter(folder: string, step: number): Promise<void> {
  const later = (await checkpointFiles(folder)).filter((name) => name > checkpointName(step));
  await Promise.all(later.map((name) => rm(join(folder, CHECKPOINTS, name), { force: true })));
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
    average: withPrefix('ema/', arrays),
    defence: withPrefix('defence/', arrays),
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
