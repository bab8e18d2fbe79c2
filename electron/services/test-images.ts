import type { EntityId } from '../../shared/domain/ids.ts';
import { openPacked } from '../compute/data/packed.ts';
import type { Library } from './library.ts';

/** Positions of the first `count` test images of a data set, wherever in it they lie. */
export async function firstTestImages(library: Library, dataset: EntityId, count: number): Promise<number[]> {
  const packed = await openPacked(library.datasets.folder(dataset));
  try {
    return [...packed.positions('test').subarray(0, count)];
  } finally {
    packed.close();
  }
}
