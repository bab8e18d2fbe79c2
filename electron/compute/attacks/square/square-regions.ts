import * as tf from '@tensorflow/tfjs-core';

/** [n, H, W, 1]: 1 in the squares of so many pixels from (row, column) on, each [n, 1, 1, 1]. */
export function insideOf(images: tf.Tensor, row: tf.Tensor, column: tf.Tensor, side: tf.Tensor): tf.Tensor {
  const along = (axis: 1 | 2, start: tf.Tensor): tf.Tensor => {
    const offset = tf.sub(positions(images, axis), start);
    return tf.mul(flag(tf.greaterEqual(offset, 0)), flag(tf.less(offset, side)));
  };
  return tf.mul(along(1, row), along(2, column));
}

/** Rows (axis 1) or columns (axis 2) of an image, [1, H, 1, 1] or [1, 1, W, 1]. */
function positions(images: tf.Tensor, axis: 1 | 2): tf.Tensor {
  const extent = images.shape[axis] ?? 0;
  return tf.reshape(tf.range(0, extent), axis === 1 ? [1, extent, 1, 1] : [1, 1, extent, 1]);
}

/** So many columns of the first of each row's proposals, [n, 1, 1, count]. */
export function columnOf(proposals: tf.Tensor, from: number, count = 1): tf.Tensor {
  const rows = proposals.shape[0] ?? 0;
  return tf.reshape(tf.slice(proposals, [0, 0, from], [rows, 1, count]), [rows, 1, 1, count]);
}

export function flag(condition: tf.Tensor): tf.Tensor {
  return tf.cast(condition, 'float32');
}
