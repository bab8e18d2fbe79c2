import type { EntityId } from '../../../shared/domain/ids.ts';
import type { GalleryRow } from '../../../shared/domain/library.ts';
import type { PlanRow } from '../../../shared/domain/plan.ts';
import { GALLERY_PART, PLAN_PART } from '../../../shared/domain/sweep.ts';
import type { SweepExpansion } from './expand.ts';

/** The plans of a sweep that are in the library and whose transfers come from the surrogates that it has now. */
export function currentPlans(
  plans: readonly PlanRow[],
  parts: ReadonlyMap<string, EntityId>,
  surrogates: SweepExpansion['surrogates'],
): PlanRow[] {
  const own = new Set([...parts].flatMap(([key, plan]) => (key.startsWith(PLAN_PART) ? [plan] : [])));
  const sources = new Set(surrogates.map(({ key }) => parts.get(key)));
  return plans.filter(
    ({ id, request }) => own.has(id) && request.sources.flat().every((source) => sources.has(source)),
  );
}

/** The galleries of a sweep that are in the library and whose key areas come from the surrogate that it has now. */
export function currentGalleries(
  galleries: readonly GalleryRow[],
  parts: ReadonlyMap<string, EntityId>,
  surrogates: SweepExpansion['surrogates'],
): GalleryRow[] {
  const own = new Set([...parts].flatMap(([key, gallery]) => (key.startsWith(GALLERY_PART) ? [gallery] : [])));
  const references = new Set([null, ...surrogates.map(({ key }) => parts.get(key))]);
  return galleries.filter(({ id, request }) => own.has(id) && references.has(request.reference));
}
