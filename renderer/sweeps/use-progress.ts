import type { SweepRow } from '../../shared/domain/sweep-view.ts';
import type { RunState } from '../../shared/domain/training.ts';
import { useLibrary } from '../stores/library.ts';
import { sweepProgress, type SweepProgress } from './progress.ts';

/** How far sweeps are, from what the library has now. */
export function useProgress(): (row: SweepRow) => SweepProgress {
  const library = useLibrary();
  const stateOf = (id: string): RunState | null =>
    library.jobById.get(id)?.state ?? library.runById.get(id)?.state ?? library.evaluationById.get(id)?.state ?? null;
  return (row) => sweepProgress(row, { stateOf, plans: library.plans });
}
