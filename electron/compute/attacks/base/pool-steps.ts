import * as tf from '@tensorflow/tfjs-core';

/** A schedule [n, turns, columns] with its first turn behind the others, so that the next one is the first. */
export function nextTurn(schedule: tf.Tensor): tf.Tensor {
  const [rows = 0, turns = 0, columns = 0] = schedule.shape;
  const rest = tf.slice(schedule, [0, 1, 0], [rows, turns - 1, columns]);
  return turns === 1 ? schedule : tf.concat([rest, tf.slice(schedule, [0, 0, 0], [rows, 1, columns])], 1);
}
