import type { AttackSpec, Goal, TargetResult } from '../../../shared/domain/evaluation.ts';
import { accessOf, isAtLeast, isBlind, workOf } from '../attacks/plan.ts';
import type { AttackPlan } from '../attacks/plan.ts';
import { resolveAttack } from '../attacks/registry.ts';
import { mcnemarOneSided } from '../statistics/mcnemar.ts';

/** One number of the result table with the examples behind it. */
export interface JudgedResult {
  readonly result: TargetResult;
  readonly attack: AttackSpec;
  /** Model that x' was made on; null for white-box. */
  readonly source: string | null;
  readonly goal: Goal;
  /** Whether successes of other attacks count in it: its number is not its own strength. */
  readonly carried?: boolean;
  /** By position in the data set: whether the example stands, so is classified rightly with and without the attack. */
  readonly stands: ReadonlyMap<number, boolean>;
}

export interface Finding {
  /** `error`: an ordering that holds by construction is broken. `warning`: an ordering that should hold is significantly broken. */
  readonly severity: 'error' | 'warning';
  readonly text: string;
}

/** Chance below which a suspicious ordering is reported. */
const SIGNIFICANCE = 0.01;

/**
 * Checks numbers against the orderings that a sound evaluation obeys.
 * Hard: a number agrees with its examples; no restart raises accuracy; robust accuracy is at most clean accuracy and at
 * most that of the last iterates. Soft, per model on the examples that two numbers share, by an exact one-sided
 * McNemar test at p < 0.01: more steps and restarts break no less (PGD against FGSM and noise, PGD-200 against PGD-10);
 * a white-box attack breaks no less than a transfer of at most its strength; 40 gradient steps or more break no less than
 * a search without gradients; a larger ε breaks no less. Gray- against black-box has no order.
 * @param nameOf a model's name for the texts.
 */
export function findOrderingProblems(
  results: readonly JudgedResult[],
  nameOf: (model: string) => string = (model) => model,
): Finding[] {
  const judged = results.map((entry): Judged => {
    const { plan, label } = resolveAttack(entry.attack);
    return { ...entry, plan, label };
  });
  const findings = judged.flatMap((entry) => hardProblems(entry, `${nameOf(entry.result.model)}, ${titleOf(entry)}`));
  for (const stronger of judged) {
    for (const weaker of judged) {
      const reason = stronger === weaker || weaker.carried ? null : whyStronger(stronger, weaker);
      if (reason === null) continue;
      const { survived, broke, shared } = compare(stronger.stands, weaker.stands);
      const chance = mcnemarOneSided(survived, broke);
      if (chance >= SIGNIFICANCE) continue;
      findings.push({
        severity: 'warning',
        text:
          `${nameOf(stronger.result.model)}: ${titleOf(stronger)} left ${survived} of ${shared} examples standing that ${titleOf(weaker)} broke, ` +
          `and broke only ${broke} that it left (p ${chance < 0.0001 ? '< 0.0001' : chance.toFixed(4)}). ${reason}`,
      });
    }
  }
  return findings;
}

type Judged = JudgedResult & { readonly plan: AttackPlan; readonly label: string };

/** Half an example's worth of rounding. */
const SLACK = 1e-9;

/** One number of the result table as it is shown: successes at smaller ε are carried upward in it. */
export interface TableNumber {
  readonly model: string;
  /** `PGD-40, ε 0.25 white-box`. */
  readonly title: string;
  readonly epsilon: number;
  /** Numbers of one model that share a family differ in nothing but ε. */
  readonly families: readonly string[];
  readonly robustAccuracy: number;
  /** Whether the model's worst case counts it. */
  readonly counted: boolean;
}

/**
 * Checks the numbers of a table against each other, by orderings that hold by construction: within a family accuracy
 * does not rise with ε, and a model's worst case is at most each number that it counts.
 * @param worstCases accuracy by model.
 */
export function findTableProblems(
  numbers: readonly TableNumber[],
  worstCases: Readonly<Record<string, number>>,
  nameOf: (model: string) => string = (model) => model,
): Finding[] {
  const rises = numbers.flatMap((larger) =>
    numbers
      .filter(
        (smaller) =>
          smaller.model === larger.model &&
          smaller.epsilon < larger.epsilon &&
          smaller.robustAccuracy < larger.robustAccuracy - SLACK &&
          smaller.families.some((family) => larger.families.includes(family)),
      )
      .map(
        (smaller) =>
          `${nameOf(larger.model)}: ${larger.title} has ${percent(larger.robustAccuracy)}, more than ${percent(smaller.robustAccuracy)} of ${smaller.title}: accuracy must not rise with ε.`,
      ),
  );
  const above = numbers.flatMap(({ model, title, robustAccuracy, counted }) => {
    const worst = worstCases[model];
    if (!counted || worst === undefined || worst <= robustAccuracy + SLACK) return [];
    return `${nameOf(model)}: the worst case ${percent(worst)} is above ${percent(robustAccuracy)} of ${title}, which it counts.`;
  });
  return [...rises, ...above].map((text) => ({ severity: 'error', text }));
}

function hardProblems({ result, stands }: Judged, title: string): Finding[] {
  const problems: Finding[] = [];
  const report = (text: string): void => void problems.push({ severity: 'error', text: `${title}: ${text}` });
  const standing = [...stands.values()].filter((value) => value).length;
  if (stands.size !== result.examples || Math.abs(standing / stands.size - result.robustAccuracy) > SLACK) {
    report(
      `the accuracy ${percent(result.robustAccuracy)} of ${result.examples} examples is not what its examples say (${standing} of ${stands.size}). Run it again.`,
    );
  }
  result.byRestart.forEach((accuracy, restart) => {
    const before = result.byRestart[restart - 1];
    if (before !== undefined && accuracy > before + SLACK) {
      report(`accuracy rose from ${percent(before)} to ${percent(accuracy)} with restart ${restart + 1}.`);
    }
  });
  if (result.robustAccuracy > result.cleanAccuracy + SLACK) {
    report(`${percent(result.robustAccuracy)} under attack is more than ${percent(result.cleanAccuracy)} without.`);
  }
  const { finalIterateAccuracy } = result;
  if (result.robustAccuracy > finalIterateAccuracy + SLACK) {
    report(
      `the worst case ${percent(result.robustAccuracy)} is above the last iterates' ${percent(finalIterateAccuracy)}.`,
    );
  }
  return problems;
}

/** Why `stronger` should break no less than `weaker`; null if nothing says so. */
function whyStronger(stronger: Judged, weaker: Judged): string | null {
  if (stronger.result.model !== weaker.result.model) return null;
  // A class to lead to is a harder goal, and balls of two norms have no order.
  const [more, less] = [stronger.plan, weaker.plan];
  if (stronger.goal !== weaker.goal || more.norm !== less.norm) return null;
  if (more.family.threat || less.family.threat) return null;
  const onItself = stronger.result.threat === 'white-box' && weaker.result.threat === 'white-box';
  if (onItself && isLongAscent(more) && isBlind(less) && more.epsilon === less.epsilon) {
    return 'An attack with gradients should break no less than a search without: a sign of masked gradients.';
  }
  if (!isAtLeast(more, less)) return null;
  const sameWay = stronger.result.threat === weaker.result.threat && stronger.source === weaker.source;
  if (sameWay && more.epsilon > less.epsilon) return 'A larger ε should break no less: the attack has not converged.';
  if (more.epsilon !== less.epsilon) return null;
  if (stronger.result.threat === 'white-box' && weaker.result.threat !== 'white-box') {
    return 'A white-box attack should break no less than a transfer: a sign of gradient masking.';
  }
  if (sameWay && !isAtLeast(less, more))
    return 'More steps and restarts should break no less: a sign of gradient masking, or of too small a step.';
  return null;
}

/** Gradient steps from which on a search without gradients should not win. */
const MANY_STEPS = 40;

function isLongAscent(plan: AttackPlan): boolean {
  return accessOf(plan) === 'gradients' && workOf(plan) >= MANY_STEPS;
}

/** On shared examples: how many only the weaker attack broke, and how many only the stronger one. */
function compare(stronger: ReadonlyMap<number, boolean>, weaker: ReadonlyMap<number, boolean>) {
  let survived = 0;
  let broke = 0;
  let shared = 0;
  for (const [index, standsWeaker] of weaker) {
    const standsStronger = stronger.get(index);
    if (standsStronger === undefined) continue;
    shared += 1;
    if (standsStronger && !standsWeaker) survived += 1;
    if (standsWeaker && !standsStronger) broke += 1;
  }
  return { survived, broke, shared };
}

function titleOf({ label, result }: Judged): string {
  return `${label} ${result.threat}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
