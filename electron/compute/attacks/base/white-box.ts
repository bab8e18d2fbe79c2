import type { Subject } from './examples.ts';
import { judgeAs8Bit } from './eight-bit.ts';
import { roundTargets } from './goals.ts';
import { answerNotes, checkExamples } from './input-checks.ts';
import { NO_JOURNAL } from './journal.ts';
import { openLimit } from './limits.ts';
import { candidateLogits, cleanLogits } from './logits.ts';
import type { Method } from '../method.ts';
import type { AttackOptions } from '../options.ts';
import { closeRestart, enterCandidates, openOutcome } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { workOf } from '../plan.ts';
import type { AttackPlan } from '../plan.ts';
import { createAttackSteps } from '../ascent/steps.ts';

/**
 * Attacks a model on itself. An example is broken if any iterate is misclassified and valid; whether the last iterate of
 * some restart is, is kept beside it. For that second judgement a trajectory goes on to its end after its first success,
 * and later restarts run not only on the examples that withstood, but also on broken ones whose last iterates were all
 * classified rightly so far. Where an attack stops at success a broken example leaves at once. A goal of several classes
 * takes all its restarts for one class after the other; the restarts are then counted through.
 * A limit of the options ends it before its end, with a note that says so.
 * @throws AppError `cancelled`, `invalid-input` if plan, goal or limits do not fit the model, `bad-data` for images that are
 *   none.
 */
export async function attackWhiteBox(subject: Subject, options: AttackOptions): Promise<Outcome> {
  const { examples, plan, control, journal = NO_JOURNAL } = options;
  const { classes } = subject.network;
  checkExamples(examples, classes);
  const limit = openLimit(options);
  const steps = createAttackSteps(subject.network);
  let method: Method | null = null;
  try {
    const clean = await cleanLogits(steps, subject, options);
    const rounds = roundTargets(options, clean, classes);
    const restarts = rounds.length * plan.restarts;
    const notes = new Set(answerNotes(clean, examples, classes));
    const opened = openOutcome(examples, clean, classes, options.includeMisclassified);
    const done = new Uint8Array(examples.labels.length);
    const begun = journal.begin({ outcomes: [opened], restart: 0, done, seconds: 0 });
    const [outcome = opened] = begun.outcomes;
    done.set(begun.done);
    limit.resume(begun.seconds);
    let { restart } = begun;
    for (; restart < restarts && limit.allows(restart); restart += 1) {
      const aimed = { ...limit.options, targets: rounds[Math.floor(restart / plan.restarts)] };
      if (!method || restart % plan.restarts === 0) {
        method?.notes().forEach((note) => notes.add(note));
        method?.dispose();
        method = plan.family.create(steps, subject, aimed);
      }
      const rows = pendingRows(outcome, plan).filter((row) => !done[row]);
      const later = (restarts - restart - 1) * rows.length * workOf(plan);
      const parts = method.run(rows, restart, (work, left) => options.onWork?.(work, left + later));
      let complete = true;
      try {
        for await (const found of parts) {
          const logits = await candidateLogits(steps, subject, found.candidates, options);
          // Nothing waits from here to the note: whatever ends the process leaves the outcome as it was before or after.
          outcome.nonFinite += found.nonFinite;
          enterCandidates(outcome, aimed, found.candidates, logits, restart);
          for (const { row } of found.candidates) done[row] = 1;
          await journal.note({ outcomes: [outcome], restart, done, seconds: limit.spent() });
          await control.checkpoint();
        }
      } catch (error) {
        if (!limit.isReached(error)) throw error;
        complete = false;
      }
      closeRestart(outcome);
      if (!complete) break;
      done.fill(0);
      await journal.note({ outcomes: [outcome], restart: restart + 1, done, seconds: limit.spent() });
      options.onRestart?.([outcome]);
    }
    const cut = limit.note({ starts: restart, of: restarts });
    if (cut !== null) notes.add(cut);
    await judgeAs8Bit(steps, subject, outcome, { ...options, targets: rounds.length === 1 ? rounds[0] : undefined });
    outcome.notes.push(...steps.notes(), ...notes, ...(method?.notes() ?? []));
    return outcome;
  } finally {
    method?.dispose();
    steps.dispose();
  }
}

/**
 * The rows whose worst-iterate or last-iterate judgement another start could still change; all of them where smaller
 * perturbations are looked for.
 */
function pendingRows(outcome: Outcome, plan: AttackPlan): readonly number[] {
  const { family } = plan;
  const settled = family.stopsAtSuccess(plan) ? outcome.succeeded : outcome.lastWrong;
  const rows: number[] = [];
  outcome.attacked.forEach((attacked, row) => {
    if (attacked && (family.minimal || !settled[row])) rows.push(row);
  });
  return rows;
}
