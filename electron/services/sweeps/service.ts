import { newId } from '../../../shared/domain/ids.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import { sweepRequest } from '../../../shared/domain/sweep.ts';
import type { SweepRequest } from '../../../shared/domain/sweep.ts';
import type { StoredSweep } from '../../store/sweeps.ts';
import { parseInput } from '../inputs.ts';
import type { Library } from '../library.ts';
import type { ModuleService } from '../modules/service.ts';
import { missing, requireDataset } from '../session.ts';
import type { Session } from '../session.ts';
import { runSweep } from './drive.ts';
import type { SweepReport } from './drive.ts';
import { canonical, expandSweep } from './expand.ts';
import type { SweepExpansion } from './expand.ts';
import { plansAhead, previewSweep } from './preview.ts';
import type { PreviewOthers, SweepPreview } from './preview.ts';
import { sweepProgress } from './progress.ts';
import type { SweepProgress } from './progress.ts';
import { sweepRecord } from './record.ts';
import type { SweepRecord } from './record.ts';
import { sweepTable } from './table.ts';
import type { SweepTable } from './table.ts';

export type { SweepPreview };

export interface SweepService {
  /** Expands a sweep and checks every training; writes nothing. @throws AppError that names the training. */
  preview(request: SweepRequest): Promise<SweepPreview>;
  /** A new sweep, or the one of the library that asks for the very same. */
  create(request: SweepRequest): Promise<{ readonly id: EntityId; readonly known: boolean }>;
  get(id: EntityId): StoredSweep;
  list(): readonly StoredSweep[];
  /** What was made for it so far: runs, plans, galleries and checks by the part's key. */
  parts(id: EntityId): ReadonlyMap<string, EntityId>;
  /**
   * Makes what is missing and goes on with what was interrupted: trainings, then evaluations, then
   * attention galleries, then checks, as ordinary jobs.
   * @param say is told what begins.
   * @returns what failed; the rest is done.
   * @throws AppError `cancelled` if a part was cancelled or interrupted.
   */
  run(id: EntityId, say: (text: string) => void): Promise<SweepReport>;
  /** How far it is: its jobs by what they are doing. */
  progress(id: EntityId): Promise<SweepProgress>;
  /** Its table with all that it rests on: every job with settings, engine, seconds and result. */
  record(id: EntityId): Promise<SweepRecord>;
  /** Every number so far: a row for each setting, mean and standard deviation over its seeds. */
  table(id: EntityId): Promise<SweepTable>;
}

type Others = Pick<Library, 'catalogue' | 'plans' | 'galleries' | 'checks' | 'jobs'> & PreviewOthers;

export function sweepService(
  session: Session,
  library: Others,
  modules: Pick<ModuleService, 'pin' | 'pinPlan'>,
): SweepService {
  const { store } = session;
  const get = (id: EntityId): StoredSweep => store.sweeps.get(id) ?? missing('sweep', id);
  const expansionOf = async (request: SweepRequest): Promise<SweepExpansion> =>
    expandSweep(request, await library.catalogue());
  const tableOf = async (sweep: StoredSweep, expansion: SweepExpansion): Promise<SweepTable> =>
    sweepTable(library, store, sweep, expansion);
  /** Evaluations that a sweep comes to, by its id: a sweep never changes. */
  const planned = new Map<EntityId, number>();
  const plannedOf = async ({ id, request }: StoredSweep, expansion: SweepExpansion): Promise<number> => {
    const known = planned.get(id);
    if (known !== undefined) return known;
    const { expandPlan } = await import('../plans/expand.ts');
    const { plans } = await plansAhead(modules, request, expansion);
    const count = plans.reduce((sum, plan) => sum + expandPlan(plan).length, 0);
    planned.set(id, count);
    return count;
  };
  return {
    get,
    list: () => store.sweeps.list(),
    parts: (id) => store.sweeps.parts(get(id).id),
    preview: async (input) => {
      const request = parseInput(sweepRequest, input, 'sweep');
      const catalogue = await library.catalogue();
      return previewSweep(store, library, modules, request, expandSweep(request, catalogue), catalogue);
    },
    create: async (input) => {
      const request = parseInput(sweepRequest, input, 'sweep');
      requireDataset(store, request.dataset);
      const asked = canonical(request);
      const known = store.sweeps.list().find((sweep) => canonical(sweep.request) === asked);
      if (known) return { id: known.id, known: true };
      const id = newId('sweep');
      store.sweeps.add({ id, name: request.name, request, created: new Date().toISOString() });
      return { id, known: false };
    },
    run: async (id, say) => {
      const sweep = get(id);
      return runSweep(session, library, sweep, await expansionOf(sweep.request), say);
    },
    progress: async (id) => {
      const sweep = get(id);
      const expansion = await expansionOf(sweep.request);
      // Of attacks whose module is gone nothing can be planned; the run says so.
      const evaluations = await plannedOf(sweep, expansion).catch(() => 0);
      return sweepProgress(store, sweep, expansion, evaluations);
    },
    record: async (id) => {
      const sweep = get(id);
      const expansion = await expansionOf(sweep.request);
      return sweepRecord(store, sweep, expansion, await tableOf(sweep, expansion));
    },
    table: async (id) => {
      const sweep = get(id);
      return tableOf(sweep, await expansionOf(sweep.request));
    },
  };
}
