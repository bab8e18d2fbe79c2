import * as tf from '@tensorflow/tfjs-core';

/** A step whose tensors all come in as arguments. */
export type Step = (...inputs: tf.Tensor[]) => tf.Tensor[];

export interface CompiledStep {
  /**
   * Runs the step. The caller disposes of the outputs; inputs stay the caller's.
   * Every tensor the step uses must be an argument: weights, labels, per-step scalars, random numbers.
   */
  run(...inputs: tf.Tensor[]): tf.Tensor[];
  /** Why the step runs operation by operation where it could run as one graph; null if there is nothing to say. */
  readonly note: string | null;
  dispose(): void;
}

/** @param options `name` says in notes and errors which step is meant. */
export function compileStep(step: Step, _options: { readonly name: string }): CompiledStep {
  return {
    run: (...inputs) => tf.tidy(() => step(...inputs)),
    note: null,
    dispose: () => undefined,
  };
}
