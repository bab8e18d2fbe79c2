import { foreignModel, type ForeignModel } from '../../../shared/domain/model.ts';
import type { ImageShape } from '../../../shared/domain/shape.ts';
import type { Network } from './layer.ts';

/** A model of which there is a forward pass alone. */
export interface Predictor {
  /**
   * @param images pixels in [0, 1], [count, height, width, channels]; not kept.
   * @returns logits [count, classes].
   * @throws AppError `non-finite`, `bad-data` if the model gives something else.
   */
  logits(images: Float32Array, count: number): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/** Whether a model's `architecture` is the format of a model of another program. */
export function isForeignFormat(architecture: string): architecture is ForeignModel['format'] {
  return foreignModel.shape.format.safeParse(architecture).success;
}

/** What stands for the network of such a model: extents and classes, no layers. */
export function opaqueNetwork(architecture: ForeignModel['format'], inputShape: ImageShape, classes: number): Network {
  const nothing = { settings: {}, held: [], layers: [], parameters: [], taps: [] };
  return { architecture, inputShape, classes, normalised: false, frozen: true, ...nothing };
}
