import * as tf from '@tensorflow/tfjs-core';
import type { MapMethod } from '../../../shared/domain/gallery.ts';
import { imageTensor } from '../attacks/base/batch.ts';
import { imageSize, type Subject } from '../attacks/base/examples.ts';
import type { Control } from '../jobs/control.ts';
import { forward } from '../models/network.ts';
import type { ImageShape } from '../../../shared/domain/shape.ts';
import { activationMap } from './activation-map.ts';
import { gradCam } from './grad-cam.ts';
import type { MapRows } from './key-area.ts';

/** How maps are made. */
export interface MapSettings {
  /** A tap of the network. */
  readonly layer: string;
  /** q of the activation map. */
  readonly exponent: number;
  readonly batchSize: number;
}

/** What one model sees in a list of images. */
export interface View {
  /** Predicted class of each image. */
  readonly predictions: Int32Array;
  /** Raw maps at the layer's resolution, by method. */
  readonly maps: Readonly<Partial<Record<MapMethod, MapRows>>>;
}

/**
 * Predictions and raw attention maps of images.
 * @param images pixels in [0, 1], [rows, height, width, channels]
 * @param targets [rows], the class whose logit Grad-CAM explains; null for the predicted one
 * @throws AppError `cancelled`.
 */
export async function viewOf(
  subject: Subject,
  images: Float32Array,
  shape: ImageShape,
  methods: readonly MapMethod[],
  targets: Int32Array | null,
  settings: MapSettings,
  control: Pick<Control, 'checkpoint'>,
): Promise<View> {
  const size = imageSize(shape);
  const rows = images.length / size;
  const predictions = new Int32Array(rows);
  const positions = layerPositions(subject, settings.layer);
  const maps: Partial<Record<MapMethod, MapRows>> = {};
  for (const method of methods) maps[method] = { values: new Float32Array(rows * positions), positions };

  for (let start = 0; start < rows; start += settings.batchSize) {
    const end = Math.min(rows, start + settings.batchSize);
    const tensors = tf.tidy(() => {
      const batch = imageTensor(images.slice(start * size, end * size), shape);
      const { logits, activations } = forward(subject.network, subject.weights, batch, [settings.layer]);
      const predicted = tf.argMax<tf.Tensor1D>(logits, 1);
      const explained = targets ? tf.tensor1d(targets.slice(start, end), 'int32') : tf.cast(predicted, 'int32');
      const activation = activations[settings.layer] as tf.Tensor4D;
      const made = methods.map((method) =>
        method === 'activation'
          ? activationMap(activation, settings.exponent)
          : gradCam(subject.network, subject.weights, settings.layer, batch, explained),
      );
      return [predicted, ...made];
    });
    const [predicted, ...values] = await Promise.all(tensors.map((tensor) => tensor.data()));
    tf.dispose(tensors);
    predictions.set(predicted ?? [], start);
    methods.forEach((method, index) => maps[method]?.values.set(values[index] ?? [], start * positions));
    await control.checkpoint();
  }
  return { predictions, maps };
}

/** Number of positions of a layer's map. */
function layerPositions({ network }: Subject, layer: string): number {
  const [height, width] = network.taps.find((tap) => tap.name === layer)?.shape ?? [0, 0];
  return height * width;
}

/**
 * Maps at another resolution, by bilinear interpolation with half-pixel centres.
 * @param from resolution [height, width] of `maps`
 * @param to resolution wanted
 */
export async function resizeMaps(
  maps: MapRows,
  from: readonly [number, number],
  to: readonly [number, number],
): Promise<MapRows> {
  if (from[0] === to[0] && from[1] === to[1]) return maps;
  const rows = maps.values.length / maps.positions;
  const resized = tf.tidy(() =>
    tf.image.resizeBilinear(tf.tensor4d(maps.values.slice(), [rows, from[0], from[1], 1]), [to[0], to[1]], false, true),
  );
  const values = Float32Array.from(await resized.data<'float32'>());
  resized.dispose();
  return { values, positions: to[0] * to[1] };
}
