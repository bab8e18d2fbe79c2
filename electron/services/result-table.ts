import type { DatasetRow, EvaluationRow, ResultCell, ResultTable } from '../../shared/domain/library.ts';
import type { TargetResult } from '../../shared/domain/evaluation.ts';
import { THREATS } from '../../shared/domain/evaluation.ts';
import { sourceNotes } from '../compute/evaluation/source-notes.ts';
import { wilsonInterval } from '../compute/statistics/wilson.ts';
import type { StoredModel } from '../store/models.ts';
import type { Store } from '../store/store.ts';
import { columnKey, columnLabel, distinctLabels, familiesOf, imagesKey, tellingSettings } from './result-columns.ts';
import type { Measured } from './result-columns.ts';
import { checkStates } from './checks.ts';
import { isCounted, worstBasisOf, worstCasesOf } from './worst-case.ts';
import type { Attacked } from './worst-case.ts';
import { isWholeWhiteBox, meansOf } from './worst-weakness.ts';

/** One model's outcome in one finished evaluation. */
interface Outcome extends Measured, Attacked {
  readonly evaluation: EvaluationRow;
  readonly target: TargetResult;
  readonly column: string;
  readonly families: readonly string[];
}

/**
 * Every finished number on a data set: models × (threat, source, attack, settings, images). Where an evaluation was
 * repeated, the newest counts. Deleted models and evaluations are left out. A success at ε counts at every larger ε of
 * the same attack, source and images too.
 * @param changeOf what became of a version of a module since, see `ModuleService.changes`.
 */
export async function resultTable(
  store: Store,
  dataset: DatasetRow,
  changeOf: (module: string) => string | null = () => null,
): Promise<ResultTable> {
  const known = new Map(store.models.list().map((model) => [model.id, model]));
  const nameOf = (id: string): string => known.get(id)?.name ?? 'a deleted model';
  const shown = await newestOutcomes(store, dataset.id, known);
  const models = [...known.keys()].filter((id) => shown.some((outcome) => outcome.model === id));
  const several = new Set(shown.map((outcome) => outcome.images)).size > 1;
  const upward = carryUpward(shown);
  const columns = new Map<string, Column>();
  const settingsOf = new Map<string, ResultCell['settings']>();
  const cells: Record<string, Record<string, ResultCell>> = {};
  const basis = worstBasisOf(shown);
  for (const outcome of shown) {
    const { column: key, target, families, epsilon } = outcome;
    const source = sourcesOf(outcome).map(nameOf).join(' + ');
    const label = columnLabel(outcome, source === '' ? null : source, several);
    const heading = columnLabel(outcome, null, several);
    const sources = [...sourcesOf(outcome)];
    settingsOf.set(key, tellingSettings(outcome.attack));
    columns.set(key, { key, label, heading, threat: target.threat, sources, epsilon, families: [...families] });
    (cells[target.model] ??= {})[key] = toCell(
      outcome,
      upward.get(outcome) ?? outcome.stands,
      known,
      basis !== null && isCounted(outcome, basis),
      outcome.attack.module === null ? null : changeOf(outcome.attack.module),
    );
  }
  const worstCase = basis ? worstCasesOf(models, shown, basis, (model) => known.get(model)?.foreign === undefined) : {};
  const clean = cleanNumbers(models, shown, basis?.images ?? null);
  const { findOrderingProblems, findTableProblems } = await import('../compute/evaluation/orderings.ts');
  return {
    dataset: dataset.id,
    models,
    columns: withDistinctLabels([...columns.values()], settingsOf).sort(byThreatThenLabel),
    cells,
    clean: Object.fromEntries(clean.map(({ model, cleanAccuracy }) => [model, cleanAccuracy])),
    cleanExamples: Object.fromEntries(clean.map(({ model, examples }) => [model, examples])),
    worstBasis: basis && { norm: basis.norm, epsilon: basis.epsilon, examples: basis.examples, split: basis.split },
    worstCase,
    checks: Object.fromEntries(checkStates(store, dataset.id)),
    findings: [
      ...findOrderingProblems(
        shown.map(({ target, request, stands }) => ({
          result: target,
          attack: request.attack,
          source: request.source,
          goal: request.goal,
          carried: request.carryFrom.length > 0,
          stands,
        })),
        nameOf,
      ),
      ...findTableProblems(
        shown.map((outcome) => ({
          model: outcome.model,
          title: `${outcome.attack.label} ${outcome.target.threat}`,
          epsilon: outcome.epsilon,
          families: outcome.families,
          robustAccuracy: cells[outcome.model]?.[outcome.column]?.robustAccuracy ?? outcome.target.robustAccuracy,
          counted: basis !== null && isCounted(outcome, basis),
        })),
        Object.fromEntries(Object.entries(worstCase).map(([model, { accuracy }]) => [model, accuracy])),
        nameOf,
      ),
    ],
  };
}

/** The newest finished outcome of each model and column, oldest first. */
async function newestOutcomes(
  store: Store,
  dataset: string,
  known: ReadonlyMap<string, StoredModel>,
): Promise<readonly Outcome[]> {
  const { resolveAttack } = await import('../compute/attacks/registry.ts');
  const newest = new Map<string, Outcome>();
  for (const evaluation of store.evaluations.list()) {
    const { result, request } = evaluation;
    if (!result || request.dataset !== dataset) continue;
    const measured = { request, result, attack: resolveAttack(request.attack) };
    for (const target of result.targets.filter(({ model }) => known.has(model))) {
      const { model, threat } = target;
      const column = columnKey(threat, measured);
      newest.delete(`${model} ${column}`);
      newest.set(`${model} ${column}`, {
        ...measured,
        evaluation,
        target,
        column,
        families: familiesOf(threat, measured),
        model,
        whiteBox: isWholeWhiteBox(request, target),
        means: meansOf(measured.attack, request, target),
        norm: measured.attack.plan.norm,
        epsilon: measured.attack.plan.epsilon,
        inBall: measured.attack.plan.family.threat === undefined,
        images: imagesKey(result),
        split: request.examples.split,
        stands: store.evaluations.survival(evaluation.id, model),
      });
    }
  }
  return [...newest.values()];
}

/** What stands at each ε once the successes at every smaller ε of the same family are counted as well. */
function carryUpward(outcomes: readonly Outcome[]): ReadonlyMap<Outcome, ReadonlyMap<number, boolean>> {
  const carried = new Map<Outcome, ReadonlyMap<number, boolean>>();
  for (const outcome of outcomes.toSorted((a, b) => a.epsilon - b.epsilon)) {
    const below = [...carried].filter(
      ([smaller]) =>
        smaller.model === outcome.model &&
        smaller.epsilon < outcome.epsilon &&
        smaller.families.some((family) => outcome.families.includes(family)),
    );
    const stillStands = (position: number): boolean => below.every(([, stands]) => stands.get(position) !== false);
    carried.set(outcome, new Map([...outcome.stands].map(([at, stands]) => [at, stands && stillStands(at)])));
  }
  return carried;
}

function toCell(
  { evaluation, request, result, target, attack, stands }: Outcome,
  upward: ReadonlyMap<number, boolean>,
  known: ReadonlyMap<string, StoredModel>,
  counted: boolean,
  change: string | null,
): ResultCell {
  const count = (some: ReadonlyMap<number, boolean>): number => [...some.values()].filter((stand) => stand).length;
  const standing = count(upward);
  const carried = count(stands) - standing;
  const sources = sourcesOf({ request }).flatMap((id) => known.get(id) ?? []);
  const model = known.get(target.model);
  return {
    evaluation: evaluation.id,
    model: target.model,
    source: request.source,
    threat: target.threat,
    attack: request.attack,
    settings: attack.settings,
    label: attack.label,
    seed: request.seed,
    split: request.examples.split,
    engine: result.engine,
    examples: target.examples,
    cleanAccuracy: target.cleanAccuracy,
    robustAccuracy: carried > 0 ? standing / upward.size : target.robustAccuracy,
    robustInterval: carried > 0 ? [...wilsonInterval(standing, upward.size)] : target.robustInterval,
    carried,
    counted,
    weak: attack.weak,
    notes: [
      ...(model ? sources.flatMap((source) => sourceNotes(source, model)) : []),
      ...(change === null ? [] : [change]),
    ],
  };
}

/** Per model the newest result on these images, else on the largest set of images that it has. */
function cleanNumbers(
  models: readonly string[],
  outcomes: readonly Outcome[],
  images: string | null,
): readonly TargetResult[] {
  return models.flatMap((model) => {
    const newestFirst = outcomes.filter((outcome) => outcome.model === model).toReversed();
    const onImages = newestFirst.find((outcome) => outcome.images === images);
    const largest = newestFirst.toSorted((a, b) => b.target.examples - a.target.examples)[0];
    return (onImages ?? largest)?.target ?? [];
  });
}

type Column = ResultTable['columns'][number];

/** Headings differ also where only a step size does. */
function withDistinctLabels(
  columns: readonly Column[],
  settingsOf: ReadonlyMap<string, ResultCell['settings']>,
): Column[] {
  return THREATS.flatMap((threat) => {
    const own = columns.filter((column) => column.threat === threat);
    const told = (text: (column: Column) => string): string[] =>
      distinctLabels(own.map((column) => ({ label: text(column), settings: settingsOf.get(column.key) ?? {} })));
    const labels = numbered(told(({ label }) => label));
    // A heading is read below the name of its source, so only those of one source have to differ.
    const ofSource = ({ sources }: Column): string => `${sources.join(' ')}\n`;
    const headings = numbered(told((column) => ofSource(column) + column.heading));
    return own.map((column, at) => ({
      ...column,
      label: labels[at] ?? column.label,
      heading: headings[at]?.slice(ofSource(column).length) ?? column.heading,
    }));
  });
}

/** What cannot be told apart otherwise, such as sources of one name, is numbered. */
function numbered(texts: readonly string[]): string[] {
  return texts.map((text, at) => {
    const number = texts.slice(0, at + 1).filter((other) => other === text).length;
    return number > 1 ? `${text} (${number})` : text;
  });
}

function sourcesOf({ request: { source, ensemble } }: Pick<Measured, 'request'>): readonly string[] {
  return source === null ? [] : [source, ...ensemble];
}

/** White-box first; within a threat by attack, numbers by value (PGD-10, PGD-40, PGD-200 × 10), then ε, then the rest. */
function byThreatThenLabel(a: Column, b: Column): number {
  const compare = (one = '', other = ''): number => one.localeCompare(other, 'en', { numeric: true });
  return (
    THREATS.indexOf(a.threat) - THREATS.indexOf(b.threat) ||
    compare(a.label.split(', ')[0], b.label.split(', ')[0]) ||
    a.epsilon - b.epsilon ||
    compare(a.label, b.label)
  );
}
