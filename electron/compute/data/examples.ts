import type { Examples } from '../attacks/base/examples.ts';
import type { PackedDataset } from './packed.ts';

/** The images and labels at these positions of the data set. */
export function readExamples(dataset: PackedDataset, positions: Uint32Array): Examples {
  return {
    images: dataset.readImages(positions),
    labels: Int32Array.from(positions, (position) => dataset.labels[position] ?? 0),
    indices: positions,
    shape: dataset.manifest.shape,
  };
}
