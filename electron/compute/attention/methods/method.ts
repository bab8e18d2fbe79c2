import * as tf from '@tensorflow/tfjs-core';
import type { z } from 'zod';
import type { MapMethod } from '../../../../shared/domain/gallery.ts';
import type { Control } from '../../jobs/control.ts';
import { forward, forwardFrom, type Network, type Weights } from '../../models/network.ts';
import type { RandomStream, StreamKey } from '../../random/stream.ts';

/** What a map is made of: one batch of images, and what is to be explained in each. */
export interface MapTask {
  readonly network: Network;
  readonly weights: Weights;
  /** A tap of the network. */
  readonly layer: string;
  /** Its activation, [n, h, w, c]. */
  readonly activation: tf.Tensor4D;
  /** The score's gradient with respect to the activation, [n, h, w, c]: made once for all maps that take it. */
  readonly slope: () => tf.Tensor4D;
  /** [n, height, width, channels] in [0, 1] */
  readonly images: tf.Tensor4D;
  /** [n, classes]: what is explained is Σ_k coefficient_k · z_k, a class's logit z_a or a margin z_a − z_b. */
  readonly coefficients: tf.Tensor2D;
  /** Images that go through the network at once, at most. */
  readonly batchSize: number;
  /** Random numbers of an example: the same whatever else is in the batch. */
  readonly randomOf: (row: number, ...keys: readonly StreamKey[]) => RandomStream;
  /** Random numbers that all examples share. */
  readonly random: (...keys: readonly StreamKey[]) => RandomStream;
  readonly control: Pick<Control, 'checkpoint'>;
}

/** A way to say where a network looks. Registries, forms and the command line take all that they know from here. */
export interface MapDefinition<S extends z.ZodObject = z.ZodObject> {
  readonly name: MapMethod;
  readonly label: string;
  /** One sentence. */
  readonly summary: string;
  /** Paper, section and equation. */
  readonly source: string;
  /** Whether the map has the resolution of the layer or of the images. */
  readonly level: 'layer' | 'input';
  /** Whether values below 0 mean something (they speak against the class). */
  readonly signed: boolean;
  /** Whether the map depends on the class that is explained. */
  readonly explains: boolean;
  readonly schema: S;
  /** Passes of the batch through the network; a gradient counts as two more. */
  passes(settings: z.output<S>, task: Pick<MapTask, 'network' | 'layer'>): number;
  /** @returns [n, h, w], raw; the caller disposes of it. @throws AppError `cancelled`. */
  make(task: MapTask, settings: z.output<S>): Promise<tf.Tensor3D>;
}

/** Checks a definition and forgets its schema's type, so that all fit one list. */
export function defineMap<S extends z.ZodObject>(method: MapDefinition<S>): MapDefinition {
  return method;
}

/** The explained score of each example, [n]. Differentiable; call inside a `tidy`. */
export function scoreOf(logits: tf.Tensor2D, coefficients: tf.Tensor2D): tf.Tensor1D {
  return tf.sum<tf.Tensor1D>(tf.mul(logits, coefficients), 1);
}

/** The score's gradient with respect to the layer's activation, [n, h, w, c]; the caller disposes of it. */
export function activationSlope({
  network,
  weights,
  layer,
  activation,
  coefficients,
}: Pick<MapTask, 'network' | 'weights' | 'layer' | 'activation' | 'coefficients'>): tf.Tensor4D {
  const score = (tensor: tf.Tensor): tf.Tensor =>
    tf.sum(scoreOf(forwardFrom(network, weights, layer, tensor as tf.Tensor4D), coefficients));
  return tf.tidy(() => tf.grad(score)(activation) as tf.Tensor4D);
}

/** The score's gradient with respect to images, [n, height, width, channels]. Call inside a `tidy`. */
export function imageSlope({ network, weights }: MapTask, images: tf.Tensor4D, coefficients: tf.Tensor2D): tf.Tensor4D {
  const score = (tensor: tf.Tensor): tf.Tensor =>
    tf.sum(scoreOf(forward(network, weights, tensor as tf.Tensor4D).logits, coefficients));
  return tf.grad(score)(images) as tf.Tensor4D;
}

/** Extent [height, width, channels] of the task's layer. */
export function layerExtent({ network, layer }: Pick<MapTask, 'network' | 'layer'>): readonly [number, number, number] {
  return network.taps.find(({ name }) => name === layer)?.shape ?? [0, 0, 0];
}

/**
 * Σ over variants of what `part` makes of some of them, for as many at once as fit into a batch. Between the parts the
 * job can be paused or cancelled.
 * @param part called inside a `tidy` with the first variant and how many, returns a sum over them
 */
export async function sumOverVariants<T extends tf.Tensor>(
  { images, batchSize, control }: MapTask,
  count: number,
  part: (first: number, variants: number) => T,
): Promise<T> {
  const most = Math.max(1, Math.floor(batchSize / images.shape[0]));
  let sum: T | null = null;
  try {
    for (let first = 0; first < count; first += most) {
      const before: T | null = sum;
      sum = tf.tidy(() => {
        const added = part(first, Math.min(most, count - first));
        return before ? tf.add<T>(before, added) : added;
      });
      before?.dispose();
      await sum.data();
      await control.checkpoint();
    }
  } catch (error) {
    sum?.dispose();
    throw error;
  }
  return sum as T;
}

/** Copies of a batch [copies, n, height, width, c] as one batch of pictures [copies · n, height, width, c]. */
export function asOneBatch(copies: tf.Tensor): tf.Tensor4D {
  const [height = 1, width = 1, channels = 1] = copies.shape.slice(2);
  return tf.reshape<tf.Rank.R4>(copies, [-1, height, width, channels]);
}

/** `variants` copies of a batch one behind the other: [variants · n, …]. */
export function repeatBatch<T extends tf.Tensor>(batch: T, variants: number): T {
  return variants === 1 ? batch : tf.tile<T>(batch, [variants, ...batch.shape.slice(1).map(() => 1)]);
}
