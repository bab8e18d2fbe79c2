import { createHash, hash as hashOf } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { AppError } from '../../../../shared/domain/errors.ts';
import type { ImportPlan } from '../../../../shared/domain/import-plan.ts';
import { writeError } from '../../arrays/atomic.ts';
import type { Control } from '../../jobs/control.ts';
import { ORIGINALS_FOLDER, PACKED_FILES } from '../packed.ts';
import { brightnessAndContrast, perceptualHash } from '../pictures/measures.ts';
import type { ChosenItems } from './chosen-items.ts';
import type { ImportState, Journal } from './journal.ts';
import type { OpenedSource } from './open-source.ts';
import { openRecords } from './packed-writer.ts';
import type { RecordFile } from './packed-writer.ts';
import { readImages } from './read-images.ts';
import type { ReadImage } from './read-images.ts';
import { requireSource } from './reasons.ts';
import { bytesFree, bytesNeeded, noSpace } from './space.ts';
import type { Survey } from './survey.ts';
import { sumsOf } from './sums.ts';

/** What is written is noted this often. */
const JOURNAL_EVERY_MS = 2_000;
const JOURNAL_EVERY_BYTES = 64 * 2 ** 20;
/** Bytes of an image's hash that are kept. */
const HASH_BYTES = 16;

export interface PackingJob {
  readonly opened: OpenedSource;
  readonly chosen: ChosenItems;
  readonly seen: Survey;
  readonly plan: ImportPlan;
  readonly folder: string;
  readonly fingerprint: string;
  readonly journal: Journal;
}

/** Images and masks as they were written. */
export interface PackedImages {
  readonly images: number;
  readonly masks: number;
  readonly lostColour: number;
  readonly sums: readonly number[];
  readonly squares: readonly number[];
  /** Over the images so far: takes labels, splits and masks. */
  readonly hash: Hash;
}

/**
 * Writes pixels, masks and copies of originals, from where the journal says that it got. Everything that was written is
 * read again for its hash.
 */
export async function packImages(job: PackingJob, control: Control): Promise<PackedImages> {
  const { opened, chosen, seen, plan, folder, fingerprint, journal } = job;
  const { source, tree } = opened;
  const [height, width, channels] = seen.shape;
  const isFloat = seen.target.depth === 'f32';
  const stride = height * width * channels * (isFloat ? 4 : 1);
  const total = chosen.items.length;
  const copies = join(folder, ORIGINALS_FOLDER);

  let state = await startState(job);
  const hash = createHash('sha256');
  const images = await openRecords(
    join(folder, isFloat ? PACKED_FILES.floats : PACKED_FILES.images),
    stride,
    state.images,
    (bytes) => void hash.update(bytes),
  );
  const masks = plan.masks === null ? null : await openMasks(folder, height * width, state.images, images);
  const noMask = new Uint8Array(height * width);
  const known = plan.dropDuplicates ? knownHashes(journal) : null;
  if (plan.originals === 'copy') await mkdir(copies, { recursive: true });
  let saved = { time: performance.now(), images: state.images };

  const save = async (): Promise<void> => {
    await images.sync();
    await masks?.sync();
    journal.save(state);
    saved = { time: performance.now(), images: state.images };
  };

  const take = async (read: ReadImage): Promise<void> => {
    const { item, pixels } = read;
    const name = source.items[item]?.name ?? '';
    if (read.maskProblem) journal.skip(read.maskProblem);
    const bytes = new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
    const digest = hashOf('sha256', bytes, 'buffer').subarray(0, HASH_BYTES);
    const position = state.images;
    if (known) {
      const key = digest.toString('latin1');
      const first = known.get(key);
      if (first !== undefined) {
        journal.skip({ file: name, reason: `has exactly the pixels of ${journal.names([first])[0] ?? ''}` });
        return;
      }
      known.set(key, position);
    }
    const { sums, squares } = sumsOf(pixels, channels);
    await images.append(bytes);
    await masks?.append(read.mask ?? noMask);
    journal.add(
      {
        position,
        name,
        width: read.width,
        height: read.height,
        ...brightnessAndContrast(pixels),
        hash: digest,
        phash: plan.nearDuplicates === null ? null : hexOf(perceptualHash(pixels, seen.shape)),
        columns: source.items[item]?.columns ?? null,
      },
      item,
    );
    if (read.original) {
      const { copy, bytes: size, sha256 } = read.original;
      const file = copy ? `${String(position).padStart(7, '0')}${extname(name).toLowerCase()}` : name;
      if (copy) await writeCopy(join(copies, file), copy);
      journal.addOriginal({ position, file, bytes: size, sha256 });
    }
    state = {
      ...state,
      images: position + 1,
      masks: state.masks + (read.mask ? 1 : 0),
      lostColour: state.lostColour + (read.lostColour ? 1 : 0),
      sums: state.sums.map((sum, channel) => sum + (sums[channel] ?? 0)),
      squares: state.squares.map((sum, channel) => sum + (squares[channel] ?? 0)),
    };
  };

  try {
    if (state.next === 0 && journal.state === null) {
      for (const skipped of source.skipped) journal.skip(skipped);
      await save();
    }
    const report = (): void => control.progress({ done: state.next, total, unit: 'images', message: 'Importing' });
    const reading = readImages(opened, chosen.items.subarray(state.next), {
      target: seen.target,
      masks: plan.masks,
      originals: plan.originals,
      greyByChance: plan.colour === 'auto' && channels === 1,
    });
    for await (const read of reading) {
      if ('skipped' in read) journal.skip(read.skipped);
      else await take(read);
      state = { ...state, next: state.next + 1 };
      if (
        performance.now() - saved.time >= JOURNAL_EVERY_MS ||
        (state.images - saved.images) * stride >= JOURNAL_EVERY_BYTES
      ) {
        await save();
      }
      report();
      await control.checkpoint(save);
    }
    await requireSource(tree.root);
    await save();
  } catch (error) {
    throw await explained(error, job, state);
  } finally {
    await images.close();
    await masks?.close();
  }
  if (masks && state.masks === 0) await rm(join(folder, PACKED_FILES.masks), { force: true });
  return { ...state, hash };

  async function startState({ journal: { state: before } }: PackingJob): Promise<ImportState> {
    const none = new Array<number>(channels).fill(0);
    const fresh = { fingerprint, next: 0, images: 0, masks: 0, lostColour: 0, sums: none, squares: none };
    if (!before) {
      await rm(copies, { recursive: true, force: true });
      return fresh;
    }
    return before;
  }
}

async function openMasks(folder: string, stride: number, kept: number, images: RecordFile): Promise<RecordFile> {
  try {
    return await openRecords(join(folder, PACKED_FILES.masks), stride, kept, () => undefined);
  } catch (error) {
    await images.close();
    throw error;
  }
}

const hexOf = (hash: bigint): string => hash.toString(16).padStart(16, '0');

function knownHashes(journal: Journal): Map<string, number> {
  const known = new Map<string, number>();
  for (const { hash, position } of journal.hashes()) known.set(Buffer.from(hash).toString('latin1'), position);
  return known;
}

async function writeCopy(file: string, bytes: Uint8Array): Promise<void> {
  const there = await stat(file).catch(() => null);
  if (there) await rm(file, { force: true });
  try {
    await writeFile(file, bytes, { flush: true });
  } catch (cause) {
    throw writeError(file, cause);
  }
}

/** A full disk, with what is still needed. */
async function explained(error: unknown, job: PackingJob, state: ImportState): Promise<unknown> {
  if (!(error instanceof AppError) || error.code !== 'library-full') return error;
  const share = 1 - state.next / Math.max(1, job.chosen.items.length);
  return noSpace(job.folder, Math.ceil(share * bytesNeeded(job)), await bytesFree(job.folder), error);
}
