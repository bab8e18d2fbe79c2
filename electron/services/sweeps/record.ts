import type { CheckRow, EvaluationRow, GalleryRow, JobRow, RunRow } from '../../../shared/domain/library.ts';
import type { EngineInfo } from '../../../shared/domain/engine.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import { CHECK_PART } from '../../../shared/domain/sweep.ts';
import type { SweepRequest } from '../../../shared/domain/sweep.ts';
import type { Store } from '../../store/store.ts';
import type { StoredSweep } from '../../store/sweeps.ts';
import { requireDataset } from '../session.ts';
import type { SweepExpansion } from './expand.ts';
import { currentGalleries } from './parts.ts';
import type { SweepTable } from './table.ts';

/** What is known of every job of a record. */
interface Recorded {
  readonly id: EntityId;
  readonly name: string;
  readonly state: JobRow['state'];
  readonly engine: EngineInfo | null;
  /** Of computing, without waiting; null where it came to no result. */
  readonly seconds: number | null;
  readonly started: string | null;
  readonly ended: string | null;
  /** Why it came to no result. */
  readonly error: string | null;
}

/** Everything that a sweep's numbers rest on, so that a document can be written from it alone. */
export interface SweepRecord {
  readonly sweep: { readonly id: EntityId; readonly name: string; readonly created: string };
  readonly request: SweepRequest;
  readonly dataset: {
    readonly name: string;
    readonly hash: string;
    readonly images: number;
    readonly shape: readonly number[];
    readonly classes: number;
    readonly splits: { readonly train: number; readonly validation: number; readonly test: number };
  };
  readonly table: SweepTable;
  /** One for each training, surrogates first; `row` is the label of its row, null for a surrogate. */
  readonly trainings: readonly (Recorded & {
    readonly row: string | null;
    readonly surrogate: string | null;
    readonly seed: number;
    readonly config: RunRow['config'];
    readonly result: RunRow['result'];
    /** Parts of its masking check that are not green; null without a check. */
    readonly check:
      | (Recorded & {
          readonly verdict: string | null;
          readonly summary: string | null;
          readonly findings: readonly Finding[];
        })
      | null;
  })[];
  readonly evaluations: readonly (Recorded & {
    readonly attack: EvaluationRow['request']['attack'];
    /** With every default filled in. */
    readonly settings: NonNullable<EvaluationRow['result']>['settings'] | null;
    readonly source: readonly EntityId[];
    readonly seed: number;
    readonly targets: NonNullable<EvaluationRow['result']>['targets'];
    readonly notes: readonly string[];
    readonly speed: NonNullable<EvaluationRow['result']>['speed'] | null;
  })[];
  readonly galleries: readonly (Recorded & {
    readonly attack: GalleryRow['request']['attack'];
    readonly models: readonly EntityId[];
    readonly reference: EntityId | null;
    readonly indices: readonly number[];
    readonly measures: NonNullable<GalleryRow['result']>['measures'];
  })[];
}

interface Finding {
  readonly item: string;
  readonly verdict: string;
  readonly finding: string;
}

/** @param table of the same sweep. */
export function sweepRecord(
  store: Store,
  { id, name, request, created }: StoredSweep,
  { groups, surrogates }: SweepExpansion,
  table: SweepTable,
): SweepRecord {
  const jobs = new Map(store.jobs.list().map((job) => [job.id, job]));
  const parts = store.sweeps.parts(id);
  const recorded = (entity: EntityId, called: string, seconds: number | undefined): Recorded => {
    const job = jobs.get(entity);
    return {
      id: entity,
      name: called,
      state: job?.state ?? 'done',
      engine: job?.engine ?? null,
      seconds: seconds ?? null,
      started: job?.started ?? null,
      ended: job?.ended ?? null,
      error: job?.error?.message ?? null,
    };
  };
  const checkOf = (run: EntityId) => {
    const check = store.checks.get(parts.get(`${CHECK_PART}${run}`) ?? '');
    return check ? { ...recorded(check.id, check.name, check.result?.seconds), ...verdictOf(check) } : null;
  };
  const wanted = [
    ...surrogates.map((training) => ({ ...training, row: null, surrogate: training.name })),
    ...groups.flatMap(({ label, trainings }) => trainings.map((one) => ({ ...one, row: label, surrogate: null }))),
  ];
  const own = new Set(parts.values());
  const evaluations = store.plans.list().flatMap((plan) => (own.has(plan.id) ? store.evaluations.ofPlan(plan.id) : []));
  const { manifest } = requireDataset(store, request.dataset);
  return {
    sweep: { id, name, created },
    request,
    dataset: {
      name: manifest.name,
      hash: manifest.hash,
      images: manifest.images,
      shape: manifest.shape,
      classes: manifest.classes.length,
      splits: manifest.splits,
    },
    table,
    trainings: wanted.flatMap(({ key, seed, row, surrogate }) => {
      const run = store.runs.get(parts.get(key) ?? '');
      if (!run) return [];
      const { config, result } = run;
      const job = recorded(run.id, run.name, result?.seconds);
      return [{ ...job, row, surrogate, seed, config, result, check: checkOf(run.id) }];
    }),
    evaluations: evaluations.map((evaluation) => {
      const { request: asked, result } = evaluation;
      return {
        ...recorded(evaluation.id, evaluation.name, result?.seconds),
        attack: asked.attack,
        settings: result?.settings ?? null,
        source: asked.source === null ? [] : [asked.source, ...asked.ensemble],
        seed: asked.seed,
        targets: result?.targets ?? [],
        notes: result?.notes ?? [],
        speed: result?.speed ?? null,
      };
    }),
    galleries: currentGalleries(store.galleries.list(), parts, surrogates).map((gallery) => {
      const { attack, models, reference, indices } = gallery.request;
      const { seconds, measures = [] } = gallery.result ?? {};
      return { ...recorded(gallery.id, gallery.name, seconds), attack, models, reference, indices, measures };
    }),
  };
}

function verdictOf({ result }: CheckRow) {
  return {
    verdict: result?.verdict ?? null,
    summary: result?.summary ?? null,
    findings: (result?.items ?? [])
      .filter(({ verdict }) => verdict !== 'green')
      .map(({ item, verdict, finding }) => ({ item, verdict, finding })),
  };
}
