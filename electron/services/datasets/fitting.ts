import type { DatasetManifest } from '../../../shared/domain/dataset.ts';
import type { StoredModel } from '../../store/models.ts';
import type { Store } from '../../store/store.ts';

/** Models that take a data set's images and know as many classes. */
export function fittingModels(store: Store, { shape, classes }: DatasetManifest): StoredModel[] {
  return store.models
    .list()
    .filter((model) => model.inputShape.join() === shape.join() && model.classes === classes.length);
}
