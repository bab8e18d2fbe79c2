import type { Catalogue } from '../../../shared/domain/catalogue.ts';
import { AppError, toAppError } from '../../../shared/domain/errors.ts';
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
import { checkGallery, galleryRequests } from './attention.ts';
import { checkRequests, planRequests, trainingConfig } from './requests.ts';
import { runSweep } from './drive.ts';
import type { SweepReport } from './drive.ts';
import { canonical, expandSweep } from './expand.ts';
import type { SweepExpansion } from './expand.ts';
import { sweepTable } from './table.ts';
import type { SweepTable } from './table.ts';

/** What a sweep will make, before it begins. */
export interface SweepPreview {
  readonly expansion: SweepExpansion;
  readonly trainings: number;
  /** Models × attacks × ε × sources × seeds, without those that a plan leaves out. */
  readonly measurements: number;
  /** Galleries that measure where models look. */
  readonly galleries: number;
  readonly checks: number;
}

export interface SweepService {
  /** Expands a sweep and checks every training; writes nothing. @throws AppError that names the training. */
  preview(request: SweepRequest): Promise<SweepPreview>;
  /** A new sweep, or the one of the library that asks for the very same. */
  create(request: SweepRequest): Promise<{ readonly id: EntityId; readonly known: boolean }>;
  get(id: EntityId): StoredSweep;
  list(): readonly StoredSweep[];
  /** What was made for it so far: runs, plans, galleries and checks by the part's key. */
  parts(id: EntityId): ReadonlyMap<string, EntityId>;
  /** What was made for it so far: runs, plans and checks by the part's key. */
  parts(id: EntityId): ReadonlyMap<string, EntityId>;
  /**
   * Makes what is missing and goes on with what was interrupted: trainings, then evaluations, then
   * attention galleries, then checks, as ordinary jobs.
   * @param say is told what begins.
   * @returns what failed; the rest is done.
   * @throws AppError `cancelled` if a part was cancelled or interrupted.
   */
  run(id: EntityId, say: (text: string) => void): Promise<SweepReport>;
  /** Every number so far: a row for each setting, mean and standard deviation over its seeds. */
  table(id: EntityId): Promise<SweepTable>;
}

type Others = Pick<Library, 'catalogue' | 'runs' | 'plans' | 'galleries' | 'checks' | 'jobs' | 'models'>;

/** An id of a model that is not trained yet. */
const standIn = (prefix: string, position: number): EntityId => `${prefix}-${String(position).padStart(8, '0')}`;

export function sweepService(
  session: Session,
  library: Others,
  modules: Pick<ModuleService, 'pin' | 'pinPlan'>,
): SweepService {
  const { store } = session;
  const get = (id: EntityId): StoredSweep => store.sweeps.get(id) ?? missing('sweep', id);
  const expansionOf = async (request: SweepRequest): Promise<SweepExpansion> =>
    expandSweep(request, await library.catalogue());
  return {
    get,
    list: () => store.sweeps.list(),
    parts: (id) => store.sweeps.parts(get(id).id),
    parts: (id) => store.sweeps.parts(get(id).id),
    preview: async (input) => {
      const request = parseInput(sweepRequest, input, 'sweep');
      const dataset = requireDataset(store, request.dataset);
      const expansion = await expansionOf(request);
      const trainings = expansion.groups.flatMap((group) => group.trainings);
      const all = [...expansion.surrogates, ...trainings];
      refuseEmpty(expansion, await library.catalogue());
      for (const training of all) {
        try {
          await library.runs.check(trainingConfig(request, training, library.models.list()));
        } catch (thrown) {
          const { code, message, details } = toAppError(thrown);
          throw new AppError(code, `${training.label}: ${message}`, { cause: thrown, details });
        }
      }
      const models = [...new Set(trainings.map(({ key }) => key))].map((_, position) => standIn('model', position));
      const sources = new Map(expansion.surrogates.map(({ name }, position) => [name, standIn('source', position)]));
      const sourceOf = (name: string): EntityId => sources.get(name) ?? '';
      const { expandPlan } = await import('../plans/expand.ts');
      let measurements = 0;
      for (const plan of planRequests(request, models, sourceOf)) {
        for (const { targets } of expandPlan(await modules.pinPlan(plan))) measurements += targets.length;
      }
      const galleries = galleryRequests(request, models, sourceOf, [0]);
      const [gallery] = galleries;
      if (gallery) await checkGallery(gallery, request.attention?.reference ?? null, expansion, dataset, modules);
      return {
        expansion,
        trainings: new Set(all.map(({ key }) => key)).size,
        measurements,
        galleries: galleries.length,
        checks: checkRequests(request, models, sourceOf).length,
      };
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
    table: async (id) => {
      const sweep = get(id);
      return sweepTable(library, store, sweep, await expansionOf(sweep.request));
    },
  };
}

/** @throws AppError for trainings without an architecture or a defence. */
function refuseEmpty({ groups, surrogates }: SweepExpansion, { architectures, defences }: Catalogue): void {
  for (const { label, placed } of [...groups.flatMap(({ trainings }) => trainings), ...surrogates]) {
    for (const [field, known] of [
      ['architecture', architectures],
      ['defence', defences],
    ] as const) {
      if (known.some(({ name }) => name === placed[field])) continue;
      throw new AppError(
        'invalid-input',
        `${label}: it has no ${field}. Name one under base, grid or list: ${known.map(({ name }) => name).join(', ')}.`,
        { details: { field } },
      );
    }
  }
}
