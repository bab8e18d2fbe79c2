import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import { toAppError, type AppError } from '../../shared/domain/errors.ts';
import type {
  CheckRow,
  DatasetRow,
  EvaluationRow,
  GalleryRow,
  JobRow,
  LibrarySnapshot,
  RunRow,
} from '../../shared/domain/library.ts';
import type { ModelSummary } from '../../shared/domain/model.ts';
import type { PlanRow } from '../../shared/domain/plan.ts';
import { call, listen } from './connection.ts';

function byId<T extends { readonly id: string }>(rows: readonly T[]): ReadonlyMap<string, T> {
  return new Map(rows.map((row) => [row.id, row]));
}

/** The library as main last told it: rows of every kind, kept current by events. Large arrays are fetched where they are drawn. */
export const useLibrary = defineStore('library', () => {
  const status = ref<'loading' | 'ready' | 'failed'>('loading');
  const error = shallowRef<AppError | null>(null);
  const datasets = shallowRef<readonly DatasetRow[]>([]);
  const runs = shallowRef<readonly RunRow[]>([]);
  const evaluations = shallowRef<readonly EvaluationRow[]>([]);
  const plans = shallowRef<readonly PlanRow[]>([]);
  const galleries = shallowRef<readonly GalleryRow[]>([]);
  const checks = shallowRef<readonly CheckRow[]>([]);
  const jobs = shallowRef<readonly JobRow[]>([]);
  const models = shallowRef<readonly ModelSummary[]>([]);

  const datasetById = computed(() => byId(datasets.value));
  const runById = computed(() => byId(runs.value));
  const evaluationById = computed(() => byId(evaluations.value));
  const galleryById = computed(() => byId(galleries.value));
  const modelById = computed(() => byId(models.value));
  const jobById = computed(() => byId(jobs.value));
  const runningJobs = computed(() => jobs.value.filter((job) => job.state === 'running' || job.state === 'paused'));
  const waitingJobs = computed(() =>
    jobs.value.filter((job) => job.state === 'waiting').toSorted((a, b) => a.position - b.position),
  );

  /** Name of what a job makes; the job's own title while that does not exist yet. */
  function jobName(job: JobRow): string {
    return (
      runById.value.get(job.id)?.name ??
      evaluationById.value.get(job.id)?.name ??
      galleryById.value.get(job.id)?.name ??
      checks.value.find(({ id }) => id === job.id)?.name ??
      job.title
    );
  }

  function apply(snapshot: LibrarySnapshot): void {
    datasets.value = snapshot.datasets;
    runs.value = snapshot.runs;
    evaluations.value = snapshot.evaluations;
    plans.value = snapshot.plans;
    galleries.value = snapshot.galleries;
    checks.value = snapshot.checks;
    jobs.value = snapshot.jobs;
    status.value = 'ready';
    error.value = null;
  }

  function applyJob(job: JobRow): void {
    const known = jobs.value.some((row) => row.id === job.id);
    jobs.value = known ? jobs.value.map((row) => (row.id === job.id ? job : row)) : [...jobs.value, job];
  }

  async function refreshModels(): Promise<void> {
    models.value = await call('models.list');
  }

  /** Reads the whole library; a failure is kept in `error` for the view to show. */
  async function load(): Promise<void> {
    status.value = 'loading';
    try {
      apply(await call('library.snapshot'));
      await refreshModels();
    } catch (thrown) {
      error.value = toAppError(thrown);
      status.value = 'failed';
    }
  }

  /** Follows the library's events until the returned function is called. */
  function follow(): () => void {
    const stops = [
      listen('library.changed', (snapshot) => {
        apply(snapshot);
        refreshModels().catch((thrown: unknown) => {
          error.value = toAppError(thrown);
        });
      }),
      listen('job.changed', applyJob),
      listen('evaluation.partial', ({ id, targets }) => {
        evaluations.value = evaluations.value.map((row) => (row.id === id ? { ...row, partial: targets } : row));
      }),
      listen('check.partial', ({ id, items }) => {
        checks.value = checks.value.map((row) => (row.id === id ? { ...row, partial: items } : row));
      }),
    ];
    return () => stops.forEach((stop) => stop());
  }

  return {
    status,
    error,
    datasets,
    runs,
    evaluations,
    plans,
    galleries,
    checks,
    jobs,
    models,
    datasetById,
    runById,
    evaluationById,
    galleryById,
    modelById,
    jobById,
    runningJobs,
    waitingJobs,
    jobName,
    load,
    follow,
    refreshModels,
  };
});
