import * as tf from '@tensorflow/tfjs-core';
import { compileStep, type CompiledStep, type Step } from '../engines/compile.ts';

export interface RunnerOptions {
  /** Says in notes and errors which step is meant. */
  readonly name: string;
  /**
   * Run operation by operation, always. A graph is made after the first few runs of a process and may add in another
   * order, so that a resumed training would differ in the last bits from one that was never interrupted.
   */
  readonly deterministic: boolean;
}

/** A step of a training, as one graph where that is allowed. The caller disposes of the outputs. */
export function stepRunner(step: Step, { name, deterministic }: RunnerOptions): CompiledStep {
  if (!deterministic) return compileStep(step, { name });
  return { run: (...inputs) => tf.tidy(() => step(...inputs)), note: null, dispose: () => undefined };
}
