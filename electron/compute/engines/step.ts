import type * as tf from '@tensorflow/tfjs-core';
import { compileStep, type CompiledStep, type Step } from './compile.ts';
import { batchSplitter } from './state.ts';

/** `rows`: one row per example, so that it can be cut along the batch; `shared`: the same for every part of it. */
export type InputRole = 'rows' | 'shared';
/** `rows` of the parts are laid end to end; `sum`: the parts' tensors are added. */
export type OutputRole = 'rows' | 'sum';

/** How a step's tensors relate to the batch. */
export interface StepLayout {
  /** Of the first inputs; all that follow are shared. */
  readonly inputs: readonly InputRole[];
  readonly outputs: readonly OutputRole[];
}

/**
 * A step that attacks and trainings are made of, by name: any thread can build the same one from its parameters, which
 * are plain data.
 */
export interface StepDefinition<P extends object> {
  readonly name: string;
  /** The step itself, a pure function of tensors; see {@link Step}. */
  build(parameters: P): Step;
  /** null for a step that needs the batch in one piece. */
  layout(parameters: P): StepLayout | null;
  /** For notes and errors: `small-cnn attack-ascend`. */
  describe(parameters: P): string;
}

/** A definition with its parameters' type forgotten, so that one list can hold them all. */
export type AnyStepDefinition = StepDefinition<never>;

/** A step ready to run on the current engine, in the way that suits it best. The caller disposes of it. */
export function prepareStep<P extends object>(definition: StepDefinition<P>, parameters: P): CompiledStep {
  const [split, layout] = [batchSplitter(), definition.layout(parameters)];
  if (split && layout) return split(definition, parameters, layout);
  return compileStep(definition.build(parameters), { name: definition.describe(parameters) });
}

/** A tuple of N tensors, then any number more: the checked arity of a step's arguments. */
export type Inputs<N extends number, T extends tf.Tensor[] = []> = T['length'] extends N
  ? [...T, ...tf.Tensor[]]
  : Inputs<N, [...T, tf.Tensor]>;
