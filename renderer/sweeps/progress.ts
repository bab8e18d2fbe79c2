import { GALLERY_MODELS } from '../../shared/domain/gallery.ts';
import type { PlanRow } from '../../shared/domain/plan.ts';
import { CHECK_PART, GALLERY_PART, PLAN_PART, TRAINING_PART } from '../../shared/domain/sweep.ts';
import type { SweepRow } from '../../shared/domain/sweep-view.ts';
import type { RunState } from '../../shared/domain/training.ts';

export const STAGES = ['trainings', 'evaluations', 'attention', 'checks'] as const;
export type StageName = (typeof STAGES)[number];

/** One kind of what a sweep makes, and how far it is. */
export interface Stage {
  readonly name: StageName;
  /** null: not known before the trainings are done. */
  readonly total: number | null;
  readonly done: number;
  readonly failed: number;
  /** Jobs of it that were made so far. */
  readonly jobs: readonly string[];
}

export interface SweepProgress {
  /** Those that the sweep asks for, in the order in which they are made. */
  readonly stages: readonly Stage[];
  readonly state: RunState;
  /** 0…1; a stage counts as much as another. */
  readonly fraction: number;
}

/** What is looked up of the library. */
export interface Known {
  readonly stateOf: (id: string) => RunState | null;
  readonly plans: readonly PlanRow[];
}

/** How far a sweep is, from the states of what was made for it. */
export function sweepProgress(row: SweepRow, { stateOf, plans }: Known): SweepProgress {
  const { request, parts, models } = row;
  const of = (prefix: string): string[] => parts.flatMap(([key, id]) => (key.startsWith(prefix) ? [id] : []));
  const own = new Set(of(PLAN_PART));
  const evaluations = plans.flatMap((plan) => (own.has(plan.id) ? plan.evaluations : []));
  const galleries = of(GALLERY_PART);
  const stage = (name: StageName, total: number | null, jobs: readonly string[]): Stage => {
    const states = jobs.map(stateOf);
    const count = (state: RunState): number => states.filter((one) => one === state).length;
    return { name, total, jobs, done: count('done'), failed: count('failed') };
  };
  const stages = [
    stage('trainings', row.trainings, of(TRAINING_PART)),
    ...(request.evaluate ? [stage('evaluations', own.size > 0 ? evaluations.length : null, evaluations)] : []),
    ...(request.attention
      ? [stage('attention', Math.max(galleries.length, Math.ceil(models / GALLERY_MODELS)), galleries)]
      : []),
    ...(request.check ? [stage('checks', models, of(CHECK_PART))] : []),
  ];
  const shares = stages.map(({ done, total }) => (total === null || total === 0 ? 0 : Math.min(1, done / total)));
  const fraction = shares.reduce((sum, share) => sum + share, 0) / Math.max(1, stages.length);
  return { stages, fraction, state: stateOfAll(row, stages, stateOf) };
}

function stateOfAll(row: SweepRow, stages: readonly Stage[], stateOf: Known['stateOf']): RunState {
  if (row.driven) return 'running';
  const states = stages.flatMap(({ jobs }) => jobs.map(stateOf));
  if (states.includes('running')) return 'running';
  if (stages.every(({ total, done }) => total !== null && done >= total)) return 'done';
  if (stages.some(({ failed }) => failed > 0)) return 'failed';
  return states.includes('cancelled') ? 'cancelled' : 'interrupted';
}
