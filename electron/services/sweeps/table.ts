import { epsilonLabel } from '../../../shared/domain/epsilon.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { PlanResult } from '../../../shared/domain/plan.ts';
import type { SettingValues } from '../../../shared/domain/settings.ts';
import { CHECK_PART } from '../../../shared/domain/sweep.ts';
import { spread } from '../../compute/statistics/spread.ts';
import type { Store } from '../../store/store.ts';
import type { StoredSweep } from '../../store/sweeps.ts';
import type { Library } from '../library.ts';
import { sourceNotesOf } from '../figures/plan-marks.ts';
import { markedModels } from '../marks.ts';
import { attentionScores, describeGallery } from './attention.ts';
import type { SweepExpansion } from './expand.ts';
import { currentGalleries, currentPlans } from './parts.ts';
import { timeSpent } from './seconds.ts';
import type { SpentTime } from './seconds.ts';

export interface SweepColumn {
  readonly key: string;
  /** `accuracy`: shares 0…1. `attention`: ratios, overlaps and cosines, which are no shares. */
  readonly kind: 'accuracy' | 'attention';
  readonly label: string;
  /** Why its numbers alone are no claim of robustness; null where they are strong enough. */
  readonly weak: string | null;
}

/** One number of a row over the seeds that are done. */
export interface SweepCell {
  readonly mean: number;
  /** n − 1; null for one seed. */
  readonly std: number | null;
  readonly seeds: number;
  readonly values: readonly number[];
  /** Models that the values are of, in their order. */
  readonly models: readonly EntityId[];
  readonly examples: number;
}

export interface SweepTableRow {
  readonly label: string;
  readonly varied: SettingValues;
  /** Trained models, in the order of their seeds. */
  readonly models: readonly EntityId[];
  /** Seeds that were asked for. */
  readonly seeds: readonly number[];
  /** By column; left out where nothing was run. */
  readonly cells: Readonly<Record<string, SweepCell>>;
  /** What the masking check says of each model, in the order of `models`. */
  readonly checks: readonly string[];
  /** Seconds of computing over all models of the row. */
  readonly seconds: SpentTime;
}

export interface SweepTable {
  readonly sweep: EntityId;
  readonly name: string;
  readonly dataset: EntityId;
  readonly columns: readonly SweepColumn[];
  readonly rows: readonly SweepTableRow[];
  /** What is unusual about the sources of transfers. */
  readonly notes: readonly string[];
}

const CLEAN: SweepColumn = { key: 'clean', kind: 'accuracy', label: 'clean', weak: null };

/** What one model scored. */
interface Score {
  readonly value: number;
  readonly examples: number;
}

/** By column. */
type Scores = ReadonlyMap<string, Score>;

/** Groups what the plans and galleries of a sweep measured by setting, over seeds. */
export async function sweepTable(
  library: Pick<Library, 'plans' | 'models' | 'checks'>,
  store: Pick<Store, 'sweeps' | 'runs' | 'evaluations' | 'galleries' | 'checks'>,
  { id, name, request }: StoredSweep,
  { groups, surrogates }: SweepExpansion,
): Promise<SweepTable> {
  const { dataset } = request;
  const parts = store.sweeps.parts(id);
  const sourceName = (run: EntityId): string => surrogates.find(({ key }) => parts.get(key) === run)?.name ?? run;
  const plans = currentPlans(library.plans.list(), parts, surrogates);
  const results: PlanResult[] = [];
  for (const plan of plans) results.push(await library.plans.result(plan.id));
  const columns = new Map<string, SweepColumn>(results.length > 0 ? [[CLEAN.key, CLEAN]] : []);
  const scores = new Map<EntityId, Map<string, Score>>();
  const score = (model: EntityId, column: SweepColumn, value: number, examples: number): void => {
    // Weak for one model is weak for the column.
    columns.set(column.key, { ...column, weak: columns.get(column.key)?.weak ?? column.weak });
    scores.set(model, (scores.get(model) ?? new Map<string, Score>()).set(column.key, { value, examples }));
  };
  for (const result of results) {
    for (const model of result.models) {
      const clean = result.clean[model];
      if (clean) score(model, CLEAN, clean.accuracy, clean.examples);
      for (const { key, attackLabel, source, weak } of result.columns) {
        const label = source.length === 0 ? attackLabel : `${attackLabel} from ${source.map(sourceName).join(' + ')}`;
        const cell = result.cells[model]?.[key];
        if (cell) score(model, { key, kind: 'accuracy', label, weak }, cell.accuracy.mean, cell.examples);
      }
    }
    for (const model of result.models) {
      for (const { norm, epsilon, accuracy, examples, weak } of result.worst[model] ?? []) {
        const label = `worst case, ${epsilonLabel({ norm, epsilon })}`;
        score(model, { key: label, kind: 'accuracy', label, weak }, accuracy, examples);
      }
    }
  }
  const galleries = currentGalleries(store.galleries.list(), parts, surrogates);
  const galleryNotes = new Set<string>();
  for (const { request: asked, result } of galleries) {
    if (!result) continue;
    for (const { model, key, label, value } of attentionScores(result)) {
      score(model, { key, kind: 'attention', label, weak: null }, value, asked.indices.length);
    }
    galleryNotes.add(await describeGallery(asked, asked.reference && sourceName(asked.reference)));
  }
  const spent = timeSpent(
    store,
    plans.flatMap((plan) => store.evaluations.ofPlan(plan.id)),
    galleries,
    new Map(
      [...parts].map(([key, entity]) => [key.startsWith(CHECK_PART) ? key.slice(CHECK_PART.length) : '', entity]),
    ),
  );
  const trained = new Set(library.models.list().map((model) => model.id));
  const modelOf = markedModels(library, dataset);
  return {
    sweep: id,
    name,
    dataset,
    columns: [...columns.values()],
    notes: [...new Set(results.flatMap(sourceNotesOf)), ...galleryNotes],
    rows: groups.map(({ label, varied, trainings }) => {
      const models = trainings.flatMap(({ key }) => {
        const run = parts.get(key);
        return run !== undefined && trained.has(run) ? [run] : [];
      });
      return {
        label,
        varied,
        models,
        seeds: trainings.map(({ seed }) => seed),
        cells: Object.fromEntries([...columns.keys()].flatMap((key) => cellOf(key, models, scores))),
        checks: models.map((model) => modelOf(model).check?.verdict ?? 'not checked'),
        seconds: spent(models),
      };
    }),
  };
}

function cellOf(
  key: string,
  models: readonly EntityId[],
  scores: ReadonlyMap<EntityId, Scores>,
): [string, SweepCell][] {
  const measured = models.flatMap((model) => {
    const score = scores.get(model)?.get(key);
    return score ? [{ model, ...score }] : [];
  });
  const [first] = measured;
  if (!first) return [];
  const values = measured.map(({ value }) => value);
  const own = measured.map(({ model }) => model);
  return [[key, { ...spread(values), seeds: values.length, values, models: own, examples: first.examples }]];
}
