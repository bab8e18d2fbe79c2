import type { EntityId } from '../../../shared/domain/ids.ts';
import type { PlanColumn, PlanResult } from '../../../shared/domain/plan.ts';
import { spread } from '../../compute/statistics/spread.ts';
import { wilsonInterval } from '../../compute/statistics/wilson.ts';
import { epsilonsOf, normsOf, outcomesIn, smallestBreaks } from './measured.ts';
import type { MeasuredOutcome, MeasuredPlan, MeasuredStep } from './measured.ts';
import { meansOf, weaknessOfWorst } from '../worst-weakness.ts';

type Cell = PlanResult['cells'][string][string];
type Worst = PlanResult['worst'][string][number];

/** Every number of a plan so far: by attack, ε, source and model, worst cases, and transfer matrices. */
export function planResultOf(measured: MeasuredPlan): PlanResult {
  const { plan, models, outcomes } = measured;
  const columns = columnsOf(measured);
  const ofModel = new Map(models.map(({ id }) => [id, outcomes.filter(({ model }) => model === id)]));
  const cells = Object.fromEntries(
    [...ofModel].map(([model, own]) => [
      model,
      Object.fromEntries(
        columns.flatMap(({ key }) => {
          const cell = cellOf(
            own.filter(({ step }) => step.column === key),
            measured.notesOn,
          );
          return cell ? [[key, cell] as const] : [];
        }),
      ),
    ]),
  );
  return {
    plan: plan.id,
    models: models.map(({ id }) => id),
    columns,
    cells,
    clean: Object.fromEntries([...ofModel].flatMap(([model, own]) => cleanOf(model, own))),
    worst: Object.fromEntries(
      models.map(({ id, foreign }) => [id, worstOf(ofModel.get(id) ?? [], foreign === undefined)]),
    ),
    matrices: matricesOf(
      columns,
      cells,
      models.map(({ id }) => id),
      measured.nameOf,
    ),
  };
}

/** `PGD-40, ε 0.25 from surrogate`. */
export function stepLabel({ label, source }: MeasuredStep, nameOf: MeasuredPlan['nameOf']): string {
  return source.length === 0 ? label : `${label} from ${source.map(nameOf).join(' + ')}`;
}

function columnsOf({ steps, nameOf }: MeasuredPlan): PlanColumn[] {
  const columns = new Map<string, PlanColumn>();
  for (const step of steps) {
    const { attack, source, column, attackKey, gradientFree, minimal, evaluation, seed } = step;
    const known = columns.get(column);
    const { targets } = evaluation.request;
    const one = { evaluation: evaluation.id, seed, models: [...targets], state: evaluation.state };
    columns.set(column, {
      key: column,
      label: stepLabel(step, nameOf),
      attackKey,
      attackLabel: step.label,
      attack: attack.attack.name,
      source: [...source],
      norm: attack.plan.norm,
      epsilon: attack.plan.epsilon,
      gradientFree,
      minimal,
      weak: attack.weak,
      evaluations: [...(known?.evaluations ?? []), one],
    });
  }
  return [...columns.values()];
}

/** One model's outcomes of one column, over seeds. */
function cellOf(outcomes: readonly MeasuredOutcome[], notesOn: MeasuredPlan['notesOn']): Cell | null {
  const [first] = outcomes;
  if (!first) return null;
  return {
    accuracy: { ...spread(outcomes.map(({ target }) => target.robustAccuracy)), seeds: outcomes.length },
    clean: first.target.cleanAccuracy,
    examples: first.target.examples,
    notes: first.step.source.flatMap((source) => notesOn(source, first.model)),
    bySeed: outcomes.map(({ step, target }) => ({
      seed: step.seed,
      evaluation: step.evaluation.id,
      robustAccuracy: target.robustAccuracy,
      interval: target.robustInterval,
      carried: target.carried ?? 0,
      accuracy8Bit: target.accuracy8Bit ?? null,
      medianDistance: target.medianDistance ?? null,
    })),
  };
}

function cleanOf(model: EntityId, [first]: readonly MeasuredOutcome[]) {
  if (!first) return [];
  const { cleanAccuracy, cleanInterval, examples } = first.target;
  return [[model, { accuracy: cleanAccuracy, interval: cleanInterval, examples }] as const];
}

/**
 * The worst cases of one model at every ε that one of its attacks was run at.
 * @param hasGradients whether the model gives any.
 */
function worstOf(outcomes: readonly MeasuredOutcome[], hasGradients: boolean): Worst[] {
  const steps = outcomes.map(({ step }) => step);
  return normsOf(steps).flatMap((norm) => {
    const ofNorm = outcomesIn(outcomes, norm);
    const breaks = smallestBreaks(ofNorm);
    const whiteBox = ofNorm.filter(({ step }) => step.source.length === 0);
    const seeds = [...new Set(steps.map(({ seed }) => seed))];
    const bySeed = seeds.map((seed) => smallestBreaks(ofNorm.filter(({ step }) => step.seed === seed)));
    const onItself = smallestBreaks(whiteBox);
    return epsilonsOf(steps, norm).map((epsilon): Worst => {
      const counted = ofNorm.filter(({ step }) => step.minimal || step.attack.plan.epsilon <= epsilon);
      const atEpsilon = counted.filter(({ step }) => step.minimal || step.attack.plan.epsilon === epsilon);
      const means = atEpsilon.flatMap(({ step, target }) => meansOf(step.attack, step.evaluation.request, target));
      const standing = standingAt(breaks, epsilon);
      const accuracies = bySeed.filter((one) => one.length > 0).map((one) => standingAt(one, epsilon) / one.length);
      return {
        norm,
        epsilon,
        accuracy: standing / breaks.length,
        interval: wilsonInterval(standing, breaks.length),
        examples: breaks.length,
        attacks: new Set(counted.map(({ step }) => step.column)).size,
        weak: weaknessOfWorst(means, hasGradients),
        whiteBox: onItself.length === 0 ? null : standingAt(onItself, epsilon) / onItself.length,
        overSeeds: { ...spread(accuracies), seeds: accuracies.length },
      };
    });
  });
}

/** How many examples withstand everything of size ε and less. */
export function standingAt(breaks: Float64Array, epsilon: number): number {
  return breaks.reduce((count, at) => count + (at > epsilon ? 1 : 0), 0);
}

function matricesOf(
  columns: readonly PlanColumn[],
  cells: PlanResult['cells'],
  models: readonly EntityId[],
  nameOf: MeasuredPlan['nameOf'],
): PlanResult['matrices'] {
  return [...new Set(columns.map(({ attackKey }) => attackKey))]
    .map((attackKey) => ({ attackKey, group: columns.filter((column) => column.attackKey === attackKey) }))
    .filter(({ group }) => group.length > 1)
    .map(({ attackKey, group }) => ({
      attackKey,
      label: group[0]?.attackLabel ?? '',
      rows: group.map(({ key, source }) => ({
        source,
        label: source.length === 0 ? 'itself (white-box)' : source.map(nameOf).join(' + '),
        accuracy: Object.fromEntries(
          models.flatMap((model) => {
            const cell = cells[model]?.[key];
            return cell ? [[model, cell.accuracy.mean] as const] : [];
          }),
        ),
      })),
    }));
}
