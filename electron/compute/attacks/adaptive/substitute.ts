import * as tf from '@tensorflow/tfjs-core';

/**
 * A function with another backward pass (BPDA, Athalye et al. 2018, arXiv 1802.00420, section 4.1): its value is that of
 * `forward`, to the last bit; its gradient that of `substitute`. For parts of a defence that have no gradient, or one
 * that is 0 almost everywhere, such as rounding. Differentiable once; for use in a step.
 * @param forward of tensors of any shape; never differentiated, so it may use any operation
 * @param substitute differentiable, of the same output shape; `identity`: gradients pass as if `forward` were not there
 */
export function withSubstitute<T extends tf.Tensor>(
  forward: (x: T) => tf.Tensor,
  substitute: 'identity' | ((x: T) => tf.Tensor),
): (x: T) => T {
  return (x) => {
    const carrier = substitute === 'identity' ? x : substitute(x);
    // Operations within are off the tape; x is no argument, so that gradients come through the carrier alone.
    const operation = tf.customGrad(() => ({ value: tf.clone(forward(x)), gradFunc: (dy: tf.Tensor) => dy }));
    return operation(carrier) as T;
  };
}
