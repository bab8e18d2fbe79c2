import type { FilterColumn } from '../../../shared/domain/dataset-filter.ts';
import type { FilterField, FilterTerms } from '../../../shared/domain/dataset-view.ts';
import { SPLITS } from '../../../shared/domain/shape.ts';
import type { Store } from '../../store/store.ts';
import { fittingModels } from './fitting.ts';
import type { OpenSet } from './open-sets.ts';
import { arePredicted } from './predictions.ts';

/** Everything that a filter on a data set can speak of. Fields of an items file are left out where there is none. */
export async function filterTermsOf(store: Store, set: OpenSet): Promise<FilterTerms> {
  const { manifest } = set;
  const items = await set.items();
  const text = (name: string): FilterField => ({ name, type: 'text', values: [] });
  const number = (name: string): FilterField => ({ name, type: 'number', values: [] });
  const models = fittingModels(store, manifest);
  const nameOf = new Map(store.models.list().map(({ id, name }) => [id, name]));
  return {
    fields: [
      { name: 'class', type: 'choice', values: [...manifest.classes] },
      { name: 'split', type: 'choice', values: [...SPLITS, ...((manifest.excluded ?? 0) > 0 ? ['excluded'] : [])] },
      ...(items
        ? [text('name'), ...['width', 'height'].map(number), text('size'), ...['brightness', 'contrast'].map(number)]
        : []),
      ...['position', 'label'].map(number),
      { name: 'excluded', type: 'flag', values: ['true', 'false'] },
    ],
    columns: [...(items?.columns ?? new Map<string, FilterColumn>())].map(([name, { type }]) => ({
      name,
      type,
      values: [...(items?.common.get(name) ?? [])],
    })),
    models: models.map((model) => ({
      id: model.id,
      name: model.name,
      predicted: arePredicted(store, model, manifest),
    })),
    evaluations: store.evaluations
      .list()
      .filter(({ state, request }) => state === 'done' && request.dataset === manifest.id)
      .map(({ id, name, request, result }) => ({
        id,
        name,
        images: result?.indices.length ?? 0,
        models: request.targets.map((target) => ({ id: target, name: nameOf.get(target) ?? target })),
      })),
  };
}
