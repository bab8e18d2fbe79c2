import type { Subject } from './examples.ts';
import { candidateLogits, cleanLogits } from './logits.ts';
import type { Method } from './method.ts';
import type { AttackOptions } from './options.ts';
import { closeRestart, enterCandidates, openOutcome } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { workOf } from './plan.ts';
import type { AttackPlan } from './plan.ts';
import { createAttackSteps } from './steps.ts';

/**
 * Attacks a model on itself. An example is broken if any iterate is misclassified and valid; whether the last iterate of
 * some restart is, is kept beside it. For that second judgement a trajectory goes on to its end after its first success,
 * and later restarts run not only on the examples that withstood, but also on broken ones whose last iterates were all
 * classified rightly so far. Where an attack stops at success a broken example leaves at once.
 * @throws AppError `cancelled`, `invalid-input` if the plan does not fit the model.
 */
export async function attackWhiteBox(subject: Subject, options: AttackOptions): Promise<Outcome> {
  const { examples, plan, control } = options;
  const steps = createAttackSteps(subject.network);
  let method: Method | null = null;
  try {
    method = plan.family.create(steps, subject, options);
    const clean = await cleanLogits(steps, subject, options);
    const outcome = openOutcome(examples, clean, subject.network.classes, options.includeMisclassified);
    for (let restart = 0; restart < plan.restarts; restart += 1) {
      const rows = pendingRows(outcome, plan);
      const later = (plan.restarts - restart - 1) * rows.length * workOf(plan);
      const parts = method.run(rows, restart, (done, left) => options.onWork?.(done, left + later));
      for await (const found of parts) {
        outcome.nonFinite += found.nonFinite;
        const logits = await candidateLogits(steps, subject, found.candidates, options);
        enterCandidates(outcome, options, found.candidates, logits, restart);
        await control.checkpoint();
      }
      closeRestart(outcome);
      options.onRestart?.([outcome]);
    }
    outcome.notes.push(...steps.notes(), ...method.notes());
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
