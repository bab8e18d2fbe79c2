import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { exampleRecord } from '../../../shared/domain/evaluation.ts';
import { writeAtomic, writeError } from '../arrays/atomic.ts';
import type { NpyArray } from '../arrays/npy.ts';
import { readNpz, writeNpz } from '../arrays/npz.ts';
import type { NpzArrays } from '../arrays/npz.ts';
import { CODE_VERSION } from '../attacks/version.ts';
import type { Journal, Standing } from '../attacks/base/journal.ts';
import type { Outcome } from '../attacks/base/outcome.ts';
import type { Piece } from './results.ts';

/** Folder, within the evaluation's, of all that an unfinished one goes on from. */
export const STATE_FOLDER = 'state';

const SAVE_EVERY_MS = 20_000;

const pieceFile = z.object({
  hash: z.string(),
  pieces: z.array(
    z.object({
      records: z.array(exampleRecord),
      robustLast: z.int(),
      robustAfter: z.array(z.int()),
      nonFinite: z.int(),
      violations: z.int(),
    }),
  ),
  notes: z.array(z.string()),
  totals: z.object({ work: z.number(), seconds: z.number() }),
});

const runningMeta = z.object({
  hash: z.string(),
  part: z.string(),
  restart: z.int(),
  limited: z.number(),
  totals: z.object({ work: z.number(), seconds: z.number() }),
  outcomes: z.array(
    z.object({ robustAfter: z.array(z.int()), nonFinite: z.int(), violations: z.int(), notes: z.array(z.string()) }),
  ),
});

/** What was spent before, by all that the evaluation goes on from. */
export interface Totals {
  readonly work: number;
  readonly seconds: number;
}

/** A finished part: its pieces, one for each target, and what there is to say about how it was computed. */
export interface FinishedPart {
  readonly pieces: readonly Piece[];
  readonly notes: readonly string[];
}

/** Keeps an evaluation such that it can go on after its process has ended in any way. */
export interface EvaluationState {
  /** Spent by earlier processes. */
  readonly earlier: Totals;
  /** Whether something was saved that belongs to another version, request, data set or engine, or cannot be read. */
  readonly putAway: boolean;
  /** A part that an earlier process has finished, or this one. */
  finished(part: string): FinishedPart | undefined;
  /** Notes that a part is finished; its arrays are on the disk. */
  finish(part: string, finished: FinishedPart): Promise<void>;
  /** The journal of a part that runs. @param settle completes outcomes that begin anew. */
  journal(part: string, settle: (outcomes: readonly Outcome[]) => void): Journal;
  /** Saves what was noted last, if that is not saved; before a pause, and when something has gone wrong. */
  flush(): Promise<void>;
  /** Whether there is anything to go on from. */
  saved(): boolean;
  /** Removes it. */
  clear(): Promise<void>;
}

/**
 * Tells apart all evaluations that do not give the same numbers, those by other versions of the attacks too.
 * @param version of the code that makes adversarial examples.
 */
export function stateHash(parts: unknown, version = CODE_VERSION): string {
  return createHash('sha256')
    .update(JSON.stringify([version, parts]))
    .digest('hex');
}

/**
 * Opens the state in `folder`. What belongs to another version, request, data set or engine, or cannot be read, is put
 * away.
 * @param spent what this process has spent so far.
 * @param saveEvery milliseconds between two savings of a running part; after a restart a quarter of it is enough.
 */
export async function openState(
  folder: string,
  hash: string,
  parts: readonly string[],
  spent: () => Totals,
  saveEvery = SAVE_EVERY_MS,
): Promise<EvaluationState> {
  const into = join(folder, STATE_FOLDER);
  const runningFile = join(into, 'running.npz');
  const finished = new Map<string, FinishedPart>();
  let earlier: Totals = { work: 0, seconds: 0 };
  for (const part of parts) {
    const found = await readPart(join(into, `${part}.json`), hash);
    if (!found) continue;
    finished.set(part, found);
    if (found.totals.seconds > earlier.seconds) earlier = found.totals;
  }
  let restored = await readRunning(runningFile, hash);
  if (restored && (finished.has(restored.meta.part) || !parts.includes(restored.meta.part))) restored = null;
  if (restored && restored.meta.totals.seconds > earlier.seconds) earlier = restored.meta.totals;
  const fresh = finished.size === 0 && !restored;
  const putAway = fresh && (await readdir(into).catch(() => [])).some((name) => /\.(json|npz)$/.test(name));
  if (fresh) await rm(into, { recursive: true, force: true });

  const totals = (): Totals => {
    const own = spent();
    return { work: earlier.work + own.work, seconds: earlier.seconds + own.seconds };
  };
  const prepare = async (): Promise<void> => {
    await mkdir(into, { recursive: true }).catch((cause: unknown) => {
      throw writeError(into, cause);
    });
  };
  let savedAt = performance.now();
  let unsaved: { readonly part: string; readonly standing: Standing } | null = null;
  let hasSaved = finished.size > 0 || restored !== null;
  const flush = async (): Promise<void> => {
    if (!unsaved) return;
    const { part, standing } = unsaved;
    unsaved = null;
    await prepare();
    await writeNpz(runningFile, runningArrays(hash, part, standing, totals()));
    hasSaved = true;
    savedAt = performance.now();
  };

  return {
    earlier,
    putAway,
    finished: (part) => finished.get(part),
    finish: async (part, done) => {
      unsaved = null;
      finished.set(part, done);
      await prepare();
      await writeAtomic(join(into, `${part}.json`), JSON.stringify({ hash, ...done, totals: totals() }));
      await rm(runningFile, { force: true });
      hasSaved = true;
      savedAt = performance.now();
    },
    journal: (part, settle) => {
      let restart = 0;
      return {
        begin: (opened) => {
          if (restored?.meta.part === part) {
            const standing = restore(opened, restored);
            restored = null;
            restart = standing.restart;
            return standing;
          }
          settle(opened.outcomes);
          return opened;
        },
        note: async (standing) => {
          const pause = standing.restart > restart ? saveEvery / 4 : saveEvery;
          restart = standing.restart;
          unsaved = { part, standing };
          if (performance.now() - savedAt >= pause) await flush();
        },
      };
    },
    flush,
    saved: () => hasSaved,
    clear: () => rm(into, { recursive: true, force: true }),
  };
}

async function readPart(file: string, hash: string): Promise<(FinishedPart & { readonly totals: Totals }) | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return null;
  const parsed = pieceFile.safeParse(safeJson(text));
  return parsed.success && parsed.data.hash === hash ? parsed.data : null;
}

interface Running {
  readonly meta: z.infer<typeof runningMeta>;
  readonly arrays: NpzArrays;
}

async function readRunning(file: string, hash: string): Promise<Running | null> {
  const arrays = await readNpz(file).catch(() => null);
  if (!(arrays?.['meta']?.data instanceof Uint8Array)) return null;
  const parsed = runningMeta.safeParse(safeJson(new TextDecoder().decode(arrays['meta'].data)));
  return parsed.success && parsed.data.hash === hash ? { meta: parsed.data, arrays } : null;
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

type OutcomeArray = Float32Array | Int32Array | Uint8Array;

/** The arrays of an outcome by name: all that it is but for a few numbers and the logits of clean images. */
function arraysOf(outcome: Outcome): [string, OutcomeArray][] {
  return Object.entries(outcome).filter(
    (entry): entry is [string, OutcomeArray] =>
      entry[1] instanceof Float32Array || entry[1] instanceof Int32Array || entry[1] instanceof Uint8Array,
  );
}

function runningArrays(
  hash: string,
  part: string,
  { outcomes, restart, done, seconds }: Standing,
  totals: Totals,
): NpzArrays {
  const meta: z.infer<typeof runningMeta> = {
    hash,
    part,
    restart,
    limited: seconds,
    totals,
    outcomes: outcomes.map(({ robustAfter, nonFinite, violations, notes }) => ({
      robustAfter,
      nonFinite,
      violations,
      notes,
    })),
  };
  const bytes = new TextEncoder().encode(JSON.stringify(meta));
  const named = outcomes.flatMap((outcome, at) =>
    arraysOf(outcome).map(([name, data]) => [`${at}/${name}`, toNpy(data)] as const),
  );
  return {
    ...Object.fromEntries(named),
    done: toNpy(done),
    meta: { dtype: 'u8', shape: [bytes.length], data: bytes },
  };
}

function toNpy(data: OutcomeArray): NpyArray {
  const dtype = data instanceof Float32Array ? 'f32' : data instanceof Int32Array ? 'i32' : 'u8';
  return { dtype, shape: [data.length], data };
}

/** Puts what was saved into outcomes that have just been opened for the same examples. */
function restore({ outcomes }: Standing, { meta, arrays }: Running): Standing {
  outcomes.forEach((outcome, at) => {
    for (const [name, data] of arraysOf(outcome)) {
      const saved = arrays[`${at}/${name}`];
      if (saved) data.set(saved.data as OutcomeArray);
    }
    const numbers = meta.outcomes[at];
    if (!numbers) return;
    outcome.robustAfter.push(...numbers.robustAfter);
    outcome.notes.push(...numbers.notes);
    outcome.nonFinite = numbers.nonFinite;
    outcome.violations = numbers.violations;
  });
  const { restart, limited: seconds } = meta;
  return { outcomes, restart, done: arrays['done']?.data as Uint8Array, seconds };
}
