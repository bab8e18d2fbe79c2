import { judgeAs8Bit } from './eight-bit.ts';
import { batchesOf } from './examples.ts';
import { roundTargets } from './goals.ts';
import type { Subject } from './examples.ts';
import { answerNotes, checkExamples } from './input-checks.ts';
import { NO_JOURNAL } from './journal.ts';
import { openLimit } from './limits.ts';
import { candidateLogits, cleanLogits } from './logits.ts';
import type { AttackOptions } from '../options.ts';
import { closeRestart, enterCandidates, isHit, openOutcome, predictionOf } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { requireTransferable, workOf } from '../plan.ts';
import type { Made } from '../plan.ts';
import { createAttackSteps } from '../ascent/steps.ts';
import type { AttackSteps } from '../ascent/steps.ts';

/**
 * Attacks several targets with x' made once on a source. The iterate keeps raising the source's loss through all steps,
 * whether or not the source is fooled; the last iterate is judged on every target, and a success on any restart counts.
 * An example leaves when all targets are broken on it. What the options keep already is not made again. Least likely classes are the source's.
 * A limit of the options ends it before its end, with a note that says so.
 * @returns one outcome for each target, in their order. Non-finite gradients are the source's.
 * @throws AppError `cancelled`; `invalid-input` for an attack that cannot transfer, see {@link requireTransferable}.
 */
export async function attackTransfer(
  source: Subject,
  targets: readonly Subject[],
  options: AttackOptions,
): Promise<readonly Outcome[]> {
  const { examples, plan, journal = NO_JOURNAL } = options;
  const make = requireTransferable(plan);
  for (const { network } of [source, ...targets]) checkExamples(examples, network.classes);
  const limit = openLimit(options);
  const maker = createAttackSteps(source.network);
  const judges = targets.map((target) => createAttackSteps(target.network));
  const each = async (
    work: (target: Subject, judge: AttackSteps, position: number) => Promise<void>,
  ): Promise<void> => {
    for (const [position, target] of targets.entries()) {
      const judge = judges[position];
      if (judge) await work(target, judge, position);
    }
  };
  try {
    const opened: Outcome[] = [];
    const notes = new Set<string>();
    await each(async (target, judge) => {
      const clean = await cleanLogits(judge, target, options);
      answerNotes(clean, examples, target.network.classes).forEach((note) => notes.add(note));
      opened.push(openOutcome(examples, clean, target.network.classes, options.includeMisclassified));
    });
    const own = options.goal === 'least-likely' ? await cleanLogits(maker, source, options) : new Float32Array();
    const rounds = roundTargets(options, own, source.network.classes);
    const restarts = rounds.length * plan.restarts;
    const done = new Uint8Array(examples.labels.length);
    const begun = journal.begin({ outcomes: opened, restart: 0, done, seconds: 0 });
    const { outcomes } = begun;
    done.set(begun.done);
    limit.resume(begun.seconds);
    let { restart } = begun;
    let stopped = false;
    const onWork =
      (later: number) =>
      (work: number, left: number): void =>
        options.onWork?.(work, left + later);
    const stopAtLimit = (error: unknown): null => {
      if (!limit.isReached(error)) throw error;
      stopped = true;
      return null;
    };
    for (; restart < restarts && limit.allows(restart); restart += 1) {
      const aimed = { ...limit.options, targets: rounds[Math.floor(restart / plan.restarts)] };
      const rows = pendingRows(outcomes).filter((row) => !done[row]);
      let waiting = rows.length;
      for (const batch of batchesOf(rows, options.batchSize)) {
        waiting -= batch.length;
        const later = workOf(plan) * (waiting + (restarts - restart - 1) * rows.length);
        const known = await readKept(options, batch, restart);
        const missing = batch.filter((row) => !known.has(row));
        const making =
          missing.length === 0 ? NOTHING_MADE : make(maker, source, missing, restart, aimed, onWork(later));
        const more = await making.catch(stopAtLimit);
        if (!more) break;
        await keep(options, more, restart);
        const made = {
          nonFinite: more.nonFinite,
          images: [...[...known].map(([row, image]) => ({ row, image })), ...more.images],
        };
        const entries: (() => void)[] = [];
        await each(async (target, judge, position) => {
          const outcome = outcomes[position];
          if (!outcome) return;
          const open = made.images.filter(({ row }) => isOpen(outcome, row));
          const logits = await candidateLogits(judge, target, open, options);
          const { classes } = target.network;
          const candidates = open.map(({ row, image }, at) => {
            const lastWrong = isHit(aimed, row, predictionOf(logits, at * classes, classes));
            return { row, image, iteration: lastWrong ? workOf(plan) : -1, lastWrong };
          });
          entries.push(() => {
            outcome.nonFinite += made.nonFinite;
            enterCandidates(outcome, aimed, candidates, logits, restart);
          });
        });
        // All targets at once: whatever ends the process leaves all outcomes as they were before or after.
        for (const enter of entries) enter();
        for (const row of batch) done[row] = 1;
        await journal.note({ outcomes, restart, done, seconds: limit.spent() });
      }
      outcomes.forEach(closeRestart);
      if (stopped) break;
      done.fill(0);
      await journal.note({ outcomes, restart: restart + 1, done, seconds: limit.spent() });
      options.onRestart?.(outcomes);
    }
    await each(async (target, judge, position) => {
      const outcome = outcomes[position];
      if (outcome)
        await judgeAs8Bit(judge, target, outcome, { ...options, targets: rounds.length === 1 ? rounds[0] : undefined });
    });
    const cut = limit.note({ starts: restart, of: restarts });
    if (cut !== null) notes.add(cut);
    outcomes[0]?.notes.push(...[maker, ...judges].flatMap((steps) => steps.notes()), ...notes);
    return outcomes;
  } finally {
    [maker, ...judges].forEach((steps) => steps.dispose());
  }
}

const NOTHING_MADE: Promise<Made> = Promise.resolve({ images: [], nonFinite: 0 });

/** Kept x' of these rows, by row. */
async function readKept(
  { kept, examples }: AttackOptions,
  rows: readonly number[],
  restart: number,
): Promise<ReadonlyMap<number, Float32Array>> {
  if (!kept) return new Map();
  const positionOf = (row: number): number => examples.indices[row] ?? -1;
  const known = await kept.read(restart, rows.map(positionOf));
  return new Map(
    rows.flatMap((row) => {
      const image = known.get(positionOf(row));
      return image ? [[row, image] as const] : [];
    }),
  );
}

/** Keeps what was made, unless some gradients were not finite: that must come to light again. */
async function keep({ kept, examples }: AttackOptions, { images, nonFinite }: Made, restart: number): Promise<void> {
  if (!kept || nonFinite > 0) return;
  await kept.write(
    restart,
    images.map(({ row, image }) => ({ position: examples.indices[row] ?? -1, image })),
  );
}

function isOpen(outcome: Outcome, row: number): boolean {
  return outcome.attacked[row] === 1 && !outcome.succeeded[row];
}

/** The rows that some target still withstands. */
function pendingRows(outcomes: readonly Outcome[]): readonly number[] {
  const rows = Array.from({ length: outcomes[0]?.attacked.length ?? 0 }, (_, row) => row);
  return rows.filter((row) => outcomes.some((outcome) => isOpen(outcome, row)));
}
