import * as tf from '@tensorflow/tfjs-core';
import type { MapMethod, MapTarget } from '../../../shared/domain/gallery.ts';
import type { SettingValues } from '../../../shared/domain/settings.ts';
import type { ImageShape } from '../../../shared/domain/shape.ts';
import { parseSettings } from '../../../shared/domain/settings.ts';
import { imageTensor } from '../attacks/base/batch.ts';
import { imageSize, type Examples, type Subject } from '../attacks/base/examples.ts';
import type { Control } from '../jobs/control.ts';
import { forward } from '../models/network.ts';
import { stream } from '../random/stream.ts';
import type { MapRows } from './key-area.ts';
import { activationSlope, type MapTask } from './methods/method.ts';
import { findMapMethod } from './methods/registry.ts';

/** How maps are made. */
export interface MapSettings {
  /** A tap of the network. */
  readonly layer: string;
  readonly methods: readonly MapMethod[];
  /** Of each method, where they are not its defaults. */
  readonly settings: Readonly<Partial<Record<MapMethod, SettingValues>>>;
  readonly target: MapTarget;
  readonly batchSize: number;
  readonly seed: number;
}

/** What one model sees in a list of images. */
export interface View {
  /** Predicted class of each image. */
  readonly predictions: Int32Array;
  /** Raw maps by method, at the resolution of {@link mapResolution}. */
  readonly maps: Readonly<Partial<Record<MapMethod, MapRows>>>;
}

/**
 * Predictions and raw attention maps of images.
 * @param examples labels are what the target `true` explains; `indices` are the keys of the examples' random streams.
 * @throws AppError `cancelled`, `invalid-input` for a method, setting or class that there is not.
 */
export async function viewOf(
  subject: Subject,
  { images, labels, indices, shape }: Examples,
  wanted: MapSettings,
  control: Pick<Control, 'checkpoint'>,
): Promise<View> {
  const { network, weights } = subject;
  const { layer, target, batchSize, seed } = wanted;
  const chosen = wanted.methods.map((name) => {
    const method = findMapMethod(name);
    const { positions } = extentOf(subject, layer, method.level, shape);
    return { name, method, settings: parseSettings(method.schema, wanted.settings[name] ?? {}, name), positions };
  });
  const size = imageSize(shape);
  const rows = labels.length;
  const predictions = new Int32Array(rows);
  const maps: Partial<Record<MapMethod, MapRows>> = {};
  for (const { name, positions } of chosen) {
    maps[name] = { values: new Float32Array(rows * positions), positions };
  }

  for (let start = 0; start < rows; start += batchSize) {
    const end = Math.min(rows, start + batchSize);
    const batch = imageTensor(images.slice(start * size, end * size), shape);
    const made: tf.Tensor[] = [batch];
    try {
      const [predicted, activation] = tf.tidy(() => {
        const { logits, activations } = forward(network, weights, batch, [layer]);
        return [tf.argMax<tf.Tensor1D>(logits, 1), activations[layer] as tf.Tensor4D];
      });
      made.push(predicted, activation);
      predictions.set(await predicted.data(), start);
      const explained = coefficientsOf(target, labels.subarray(start, end), predictions.subarray(start, end), network);
      made.push(explained);
      let slope: tf.Tensor4D | null = null;
      const task: MapTask = {
        network,
        weights,
        layer,
        images: batch,
        activation,
        coefficients: explained,
        batchSize,
        slope: () => {
          if (!slope) {
            slope = tf.keep(activationSlope(task));
            made.push(slope);
          }
          return slope;
        },
        randomOf: (row, ...keys) => stream(seed, 'map', indices[start + row] ?? 0, ...keys),
        random: (...keys) => stream(seed, 'map', ...keys),
        control,
      };
      for (const { name, method, settings, positions } of chosen) {
        const map = await method.make(task, settings);
        maps[name]?.values.set(await map.data(), start * positions);
        map.dispose();
        await control.checkpoint();
      }
    } finally {
      tf.dispose(made);
    }
  }
  return { predictions, maps };
}

/** What is explained of each row, [rows, classes], see {@link MapTask}. The caller disposes of it. */
function coefficientsOf(
  target: MapTarget,
  labels: Int32Array,
  predictions: Int32Array,
  { classes }: Subject['network'],
): tf.Tensor2D {
  const values = new Float32Array(labels.length * classes);
  const add = (row: number, label: number, factor: number): void => {
    const at = row * classes + label;
    values[at] = (values[at] ?? 0) + factor;
  };
  labels.forEach((label, row) => {
    if (target === 'true') add(row, label, 1);
    else if (target === 'predicted') add(row, predictions[row] ?? 0, 1);
    else if ('class' in target) add(row, target.class, 1);
    else {
      add(row, target.margin[0], 1);
      add(row, target.margin[1], -1);
    }
  });
  return tf.tensor2d(values, [labels.length, classes]);
}

interface Extent {
  /** [height, width] */
  readonly resolution: readonly [number, number];
  readonly positions: number;
}

function extentOf({ network }: Subject, layer: string, level: 'layer' | 'input', shape: ImageShape): Extent {
  const tap = network.taps.find(({ name }) => name === layer);
  const [height, width] = level === 'input' ? shape : (tap?.shape ?? [0, 0]);
  return { resolution: [height, width], positions: height * width };
}

/** Resolution [height, width] of a method's maps. */
export function mapResolution(
  subject: Subject,
  layer: string,
  method: MapMethod,
  shape: ImageShape,
): readonly [number, number] {
  return extentOf(subject, layer, findMapMethod(method).level, shape).resolution;
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
