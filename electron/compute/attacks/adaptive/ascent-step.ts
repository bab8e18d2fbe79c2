import * as tf from '@tensorflow/tfjs-core';
import { AppError } from '../../../../shared/domain/errors.ts';
import { repeatStep } from '../../engines/compile.ts';
import type { RepeatedStep } from '../../engines/compile.ts';
import type { Inputs, StepDefinition } from '../../engines/step.ts';
import { networkOf, weightsFromList } from '../../models/network.ts';
import type { Network, NetworkSpec } from '../../models/network.ts';
import { moveInReach } from '../base/norms.ts';
import { choose, hits, notFinite } from '../base/row-masks.ts';
import type { AscentDefinition, AscentStepsPlan, Move, Point } from './ascent-definition.ts';
import { findAscent } from './ascent-registry.ts';
import { stepModel } from './step-model.ts';
import type { StepModel } from './step-model.ts';

/** How the iterates of a definition's steps are treated. */
export interface StepMode {
  readonly targeted: boolean;
  /** Whether iterates are judged; source models of transfers need no judgement. */
  readonly judged: boolean;
  /** Nothing changes any more in a row whose iterate is a success or that has made all its steps. */
  readonly stops: boolean;
  /** Whether random numbers come with the step. */
  readonly drawn: boolean;
}

/**
 * So many steps as one: state (kept, first, nonFinite, iterate, memory …, iteration [n]), reach and labels, x, draws if
 * there are any, weights → state. `kept` is the first iterate that was a success; where rows stop at it, the iterate.
 */
export function ascentStep<P extends AscentStepsPlan>(
  definition: AscentDefinition<P>,
  network: Network,
  plan: P,
  { targeted, judged, stops, drawn }: StepMode,
  iterations: number,
): RepeatedStep {
  const carried = definition.memory?.(plan) ?? 0;
  return repeatStep((...inputs) => {
    const [kept, first, nonFinite, iterate, ...more] = inputs as Inputs<4>;
    const memory = more.slice(0, carried) as tf.Tensor4D[];
    const [index, one, other, labels, originals, ...rest] = more.slice(carried) as Inputs<5>;
    const draws = drawn ? (rest.shift() as tf.Tensor2D) : null;
    const model = stepModel(network, weightsFromList(network, rest));
    const images = iterate as tf.Tensor4D;
    const point: Point = {
      images,
      originals: originals as tf.Tensor4D,
      labels: labels as tf.Tensor1D,
      targeted,
      memory,
      draws,
      iteration: index as tf.Tensor1D,
    };
    const move = moveOf(definition, model, point, plan);
    requireShapes(definition.name, move, images, carried);
    const logits = judged ? (move.logits ?? model.outputs(images).logits) : move.logits;
    const failed = logits ? notFinite(logits, move.gradient) : notFinite(rowsOf(move.gradient), move.gradient);
    const open = tf.cast(tf.less(first, 0), 'float32');
    const running = stops ? tf.mul(open, tf.cast(tf.less(index, plan.steps), 'float32')) : null;
    const newly = logits && judged ? tf.mul(hits(logits, labels, targeted), running ?? open) : null;
    const moves = running && (newly ? tf.sub(running, newly) : running);
    const change = moves ? tf.mul(move.change, tf.reshape(moves, [-1, 1, 1, 1])) : move.change;
    const reached = moveInReach(plan.norm, iterate, change, [one, other]);
    // Within bounds, no step is no change; a projection onto another ball may round.
    const moved = moves && plan.norm !== 'linf' ? choose(moves, reached, iterate) : reached;
    return [
      stops ? moved : newly ? choose(newly, iterate, kept) : kept,
      newly ? choose(newly, index, first) : first,
      tf.add(nonFinite, running ? tf.mul(running, failed) : failed),
      moved,
      ...(move.memory ?? []),
      tf.add(index, 1),
    ];
  }, iterations);
}

interface AscentStepParameters {
  readonly network: NetworkSpec;
  /** Of the definition. */
  readonly name: string;
  /** Without its family. */
  readonly plan: object;
  readonly mode: StepMode;
  /** Tensors of the memory. */
  readonly carried: number;
  readonly iterations: number;
}

/** See {@link ascentStep}: the same from plain data, in any thread that has loaded the module. */
export const MODULE_ASCENT: StepDefinition<AscentStepParameters> = {
  name: 'module-ascent',
  build({ network, name, plan, mode, iterations }) {
    const definition = findAscent(name);
    if (!definition) throw new AppError('internal', `This thread knows no steps of ${name}.`);
    return ascentStep(definition, networkOf(network), plan as never, mode, iterations);
  },
  layout: ({ mode, carried }) => ({
    inputs: new Array<'rows'>(9 + carried + (mode.drawn ? 1 : 0)).fill('rows'),
    outputs: new Array<'rows'>(5 + carried).fill('rows'),
  }),
  describe: ({ network, name, iterations }) => `${network.architecture} ${name}-${iterations}`,
};

/** @throws AppError `bad-data` for a fault of the step itself; what the engine throws stays as it is. */
function moveOf<P extends AscentStepsPlan>(
  definition: AscentDefinition<P>,
  model: StepModel,
  point: Point,
  plan: P,
): Move {
  try {
    return definition.step(model, point, plan);
  } catch (thrown) {
    const isEngine = thrown instanceof WebAssembly.RuntimeError || thrown instanceof RangeError;
    if (thrown instanceof AppError || isEngine || !(thrown instanceof Error)) throw thrown;
    const text = `A step of ${definition.name} failed: ${thrown.message.replace(/\.?$/, '.')} Correct its module.`;
    throw new AppError('bad-data', text, { details: { family: definition.name }, cause: thrown });
  }
}

function requireShapes(
  name: string,
  { change, gradient, memory = [] }: Move,
  images: tf.Tensor,
  carried: number,
): void {
  const wrong = [change, gradient, ...memory].find((tensor) => tensor.shape.join() !== images.shape.join());
  if (!wrong && memory.length === carried) return;
  throw new AppError(
    'invalid-input',
    wrong
      ? `A step of ${name} gave a tensor of shape [${wrong.shape.join(', ')}] where images are [${images.shape.join(', ')}]: change, gradient and memory are of the images' shape.`
      : `A step of ${name} left ${memory.length} tensors for the next one, but says that there are ${carried}.`,
    { details: { field: 'step' } },
  );
}

function rowsOf(tensor: tf.Tensor): tf.Tensor2D {
  return tf.reshape(tensor, [tensor.shape[0] ?? 0, -1]);
}
