import * as tf from '@tensorflow/tfjs-core';
import { forward } from '../../models/network.ts';
import type { Network, Weights } from '../../models/network.ts';
import type { Norm } from '../base/budget.ts';
import { normOf } from '../base/norms.ts';

/** The planes on which some other classes draw level with the label, as the model's gradients have them at an image. */
export interface ClassPlanes {
  /** [n, classes] */
  readonly logits: tf.Tensor2D;
  /** [n, K]: z_k − z_y; positive where the other class leads. */
  readonly leads: tf.Tensor2D;
  /** K times [n, height, width, channels]: their gradients with respect to the image. */
  readonly gradients: readonly tf.Tensor[];
}

/** One plane of each row. */
export interface Plane {
  /** [n]: z_k − z_y */
  readonly lead: tf.Tensor;
  /** [n, height, width, channels]; 0 where the gradient is not finite. */
  readonly gradient: tf.Tensor;
  /** [n]: distance of the image to the plane, in the norm that was asked for. */
  readonly distance: tf.Tensor;
}

/** The norm that measures gradients where `norm` measures images. */
const DUAL: Readonly<Record<Norm, Norm>> = { linf: 'l1', l2: 'l2', l1: 'linf' };
/** Farther than any plane. */
const FAR = 1e30;
/** The label must be behind by this share of the largest logit: less may turn round with the size of the batch. */
const CLEAR_LEAD = 2e-6;

/**
 * The {@link ClassPlanes} of K other classes of each row: one backward pass for each. Call it inside a `tidy`.
 * Within a compiled graph the forward passes, which are all the same, are one.
 * @param images [n, height, width, channels]
 * @param labels int32 [n]
 * @param others int32 [n, K]
 */
export function classPlanes(
  network: Network,
  weights: Weights,
  images: tf.Tensor,
  labels: tf.Tensor,
  others: tf.Tensor,
): ClassPlanes {
  const { classes } = network;
  const [rows = 0, count = 0] = others.shape;
  const label = hot(labels, classes);
  const kept: tf.Tensor2D[] = [];
  const directions = Array.from({ length: count }, (_, at) =>
    tf.sub(hot(tf.reshape(tf.slice(others, [0, at], [rows, 1]), [rows]), classes), label),
  );
  const gradients = directions.map((direction, at) =>
    tf.grad((x) => {
      const { logits } = forward(network, weights, x as tf.Tensor4D);
      if (at === 0) kept.push(tf.keep(tf.clone(logits)));
      return tf.sum(tf.mul(logits, direction));
    })(images),
  );
  const [held] = kept as [tf.Tensor2D];
  const logits = tf.clone(held);
  held.dispose();
  const leads = tf.stack(
    directions.map((direction) => tf.sum(tf.mul(logits, direction), 1)),
    1,
  ) as tf.Tensor2D;
  return { logits, leads, gradients };
}

/** The plane nearest to each row's image. Call it inside a `tidy`. */
export function nearestPlane(norm: Norm, { leads, gradients }: Omit<ClassPlanes, 'logits'>): Plane {
  const [rows = 0, count = 0] = leads.shape;
  const finite = gradients.map((gradient) => tf.where(tf.isFinite(gradient), gradient, tf.zerosLike(gradient)));
  const distances = finite.map((gradient, at) => {
    const lead = tf.abs(tf.reshape(tf.slice(leads, [0, at], [rows, 1]), [rows]));
    const distance = tf.div(lead, tf.maximum(dualNorm(norm, gradient), 1e-30));
    return tf.where(tf.isFinite(distance), tf.minimum(distance, FAR), tf.fill([rows], FAR));
  });
  const [only] = finite;
  if (only && count === 1) return { lead: tf.reshape(leads, [rows]), gradient: only, distance: distances[0] ?? leads };
  const table = tf.stack(distances, 1) as tf.Tensor2D;
  const chosen = hot(tf.argMin(table, 1), count);
  const column = (at: number): tf.Tensor => tf.reshape(tf.slice(chosen, [0, at], [rows, 1]), [rows]);
  const gradient = finite
    .map((each, at) => tf.mul(each, perRow(column(at), each)))
    .reduce((sum, each) => tf.add(sum, each));
  return { lead: tf.sum(tf.mul(leads, chosen), 1), gradient, distance: tf.min(table, 1) };
}

/** [n]: 1 where another class leads the label by more than rounding. Logits that are not all finite are no success. */
export function clearlyWrong(logits: tf.Tensor2D, labels: tf.Tensor): tf.Tensor {
  const label = hot(labels, logits.shape[1]);
  const others = tf.max(tf.sub(logits, tf.mul(label, 3e38)), 1);
  const lead = tf.sub(others, tf.sum(tf.mul(logits, label), 1));
  return whereClear(logits, lead);
}

/** [n]: 1 where the target leads all other classes by more than rounding. */
export function clearlyTarget(logits: tf.Tensor2D, targets: tf.Tensor): tf.Tensor {
  const target = hot(targets, logits.shape[1]);
  const others = tf.max(tf.sub(logits, tf.mul(target, 3e38)), 1);
  return whereClear(logits, tf.sub(tf.sum(tf.mul(logits, target), 1), others));
}

/**
 * The strongest classes but the label, in falling order of their logits.
 * @param logits [n, classes]
 * @param labels int32 [n]
 * @returns int32 [n, count]. The caller disposes of it.
 */
export function strongestOthers(logits: tf.Tensor2D, labels: tf.Tensor, count: number): tf.Tensor2D {
  return tf.tidy(() => {
    const without = tf.sub(logits, tf.mul(hot(labels, logits.shape[1]), 3e38));
    return tf.topk(without, count).indices as tf.Tensor2D;
  });
}

/** [n]: 1 where logits and gradients are finite. */
export function finiteRows({ logits, gradients }: Pick<ClassPlanes, 'logits' | 'gradients'>): tf.Tensor {
  const finite = gradients
    .map((gradient) => tf.all(tf.reshape(tf.isFinite(gradient), [gradient.shape[0] ?? 0, -1]), 1))
    .reduce((all, each) => tf.logicalAnd(all, each), tf.all(tf.isFinite(logits), 1));
  return tf.cast(finite, 'float32');
}

/** [n] in the rank of `like`. */
export function perRow(values: tf.Tensor, like: tf.Tensor): tf.Tensor {
  return tf.reshape(values, [values.shape[0] ?? 0, ...new Array<number>(like.rank - 1).fill(1)]);
}

/** Entries are brought to a largest one of 1 first: the squares of small gradients are 0 in float32. */
function dualNorm(norm: Norm, gradient: tf.Tensor): tf.Tensor {
  const largest = normOf('linf', gradient);
  if (norm === 'l1') return largest;
  const scale = tf.add(largest, tf.cast(tf.equal(largest, 0), 'float32'));
  return tf.mul(largest, normOf(DUAL[norm], tf.div(gradient, perRow(scale, gradient))));
}

function whereClear(logits: tf.Tensor2D, lead: tf.Tensor): tf.Tensor {
  const least = tf.mul(tf.max(tf.abs(logits), 1), CLEAR_LEAD);
  return tf.cast(tf.logicalAnd(tf.greater(lead, least), tf.all(tf.isFinite(logits), 1)), 'float32');
}

/** int32 [n]: the strongest class but the one that is aimed at. */
export function rivals(logits: tf.Tensor2D, targets: tf.Tensor): tf.Tensor {
  return tf.argMax(tf.sub(logits, tf.mul(hot(targets, logits.shape[1]), 3e38)), 1);
}

/** The wasm engine writes integers whatever type it is asked for, so the type is changed afterwards. */
function hot(indices: tf.Tensor, classes: number): tf.Tensor2D {
  return tf.cast(tf.oneHot(indices as tf.Tensor1D, classes), 'float32') as tf.Tensor2D;
}
