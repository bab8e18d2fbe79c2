import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { checkItem } from '../../../../shared/domain/check.ts';
import type { CheckItem } from '../../../../shared/domain/check.ts';
import { writeAtomic } from '../../arrays/atomic.ts';
import type { Journal } from '../../attacks/base/journal.ts';
import type { Control } from '../../jobs/control.ts';
import { openState, stateHash } from '../state.ts';

/** What an attack of the check did to some rows. */
export interface Attempt {
  /** Rows that it left standing. */
  readonly standing: readonly number[];
  /** By row: iteration of the first success. */
  readonly brokenAt: ReadonlyMap<number, number>;
  /** Rows standing after each start. */
  readonly byRestart: readonly number[];
  /** Its radius. */
  readonly epsilon: number;
}

/** What an attack needs to go on from where an earlier process left it. */
export interface Course {
  readonly control: Pick<Control, 'checkpoint'>;
  readonly journal: Journal;
}

/** Keeps a check such that it can go on after its process has ended in any way: parts and attacks that are done. */
export interface CheckRecord {
  /** Parts that are done, in their order. */
  readonly items: readonly CheckItem[];
  /** Attacks that are done. */
  readonly attempts: readonly Attempt[];
  /** Spent in all processes so far. */
  seconds(): number;
  finish(item: CheckItem): Promise<void>;
  /**
   * An attack's outcome, from the record if it is there already.
   * @param name all that decides it, within the check.
   */
  attempt(name: string, work: (course: Course) => Promise<Attempt>): Promise<Attempt>;
  clear(): Promise<void>;
}

const recordFile = z.object({
  hash: z.string(),
  seconds: z.number(),
  items: z.array(checkItem),
  attempts: z.array(
    z.object({
      name: z.string(),
      standing: z.array(z.int()),
      brokenAt: z.array(z.tuple([z.int(), z.int()])),
      byRestart: z.array(z.int()),
      epsilon: z.number(),
    }),
  ),
});

/**
 * Opens the record in `folder`. What belongs to another request, data set or engine, or cannot be read, is left aside.
 * @param decisive all that the numbers follow from.
 */
export async function openRecord(
  folder: string,
  decisive: unknown,
  control: Pick<Control, 'checkpoint'>,
): Promise<CheckRecord> {
  const file = join(folder, 'parts.json');
  const hash = stateHash(decisive);
  const found = await readRecord(file, hash);
  const started = performance.now();
  let earlier = found?.seconds ?? 0;
  const items = [...(found?.items ?? [])];
  const attempts = new Map(
    (found?.attempts ?? []).map(({ name, brokenAt, ...rest }) => [name, { ...rest, brokenAt: new Map(brokenAt) }]),
  );
  const seconds = (): number => earlier + (performance.now() - started) / 1000;
  const save = (): Promise<void> => {
    const known = [...attempts].map(([name, { brokenAt, ...rest }]) => ({ name, ...rest, brokenAt: [...brokenAt] }));
    return writeAtomic(file, JSON.stringify({ hash, seconds: seconds(), items, attempts: known }));
  };

  return {
    items,
    get attempts() {
      return [...attempts.values()];
    },
    seconds,
    finish: async (item) => {
      items.push(item);
      await save();
    },
    attempt: async (name, work) => {
      const known = attempts.get(name);
      if (known) return known;
      const begun = performance.now();
      const spent = (): { work: number; seconds: number } => ({
        work: 0,
        seconds: (performance.now() - begun) / 1000,
      });
      const state = await openState(folder, stateHash([hash, name]), [PART], spent);
      earlier += state.earlier.seconds;
      const course: Course = {
        journal: state.journal(PART, () => undefined),
        control: {
          checkpoint: (beforeStop) =>
            control.checkpoint(async () => {
              await beforeStop?.();
              await state.flush();
            }),
        },
      };
      const attempt = await work(course).catch(async (error: unknown) => {
        await state.flush().catch(() => undefined);
        throw error;
      });
      attempts.set(name, {
        ...attempt,
        standing: [...attempt.standing],
        byRestart: [...attempt.byRestart],
        brokenAt: new Map(attempt.brokenAt),
      });
      await save();
      await state.clear();
      return attempt;
    },
    clear: () => rm(file, { force: true }),
  };
}

/** An attack of the check is one part of its state: it is small. */
const PART = 'attack';

async function readRecord(file: string, hash: string): Promise<z.infer<typeof recordFile> | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    const parsed = recordFile.safeParse(JSON.parse(text));
    return parsed.success && parsed.data.hash === hash ? parsed.data : null;
  } catch {
    return null;
  }
}
