import * as tf from '@tensorflow/tfjs-core';
import { compileStep } from '../../engines/compile.ts';
import type { CompiledStep } from '../../engines/compile.ts';
import { splitsBatches } from '../../engines/state.ts';
import { prepareStep } from '../../engines/step.ts';
import { networkSpec, weightList } from '../../models/network.ts';
import { loadedModules } from '../../modules/loaded.ts';
import { stream } from '../../random/stream.ts';
import { LONGEST_STRIDE, judgedEnds, judgedLasts } from '../ascent/trajectories.ts';
import type { AttackSteps } from '../ascent/steps.ts';
import { imageTensor, madeOf, startedBatch } from '../base/batch.ts';
import { batchesOf, gatherRows, imageSize, padRows } from '../base/examples.ts';
import type { Subject } from '../base/examples.ts';
import { runPool, strideOf } from '../base/pool.ts';
import type { PoolState } from '../base/pool.ts';
import type { Found, Method } from '../method.ts';
import type { AttackOptions } from '../options.ts';
import { workOf } from '../plan.ts';
import type { Made } from '../plan.ts';
import { gradientsOf } from './ascent-definition.ts';
import type { AscentDefinition, AscentStepsPlan } from './ascent-definition.ts';
import { findAscent } from './ascent-registry.ts';
import { ascentStep, MODULE_ASCENT } from './ascent-step.ts';

/** Trajectories on a model that is judged. */
export function ascentMethod<P extends AscentStepsPlan>(
  definition: AscentDefinition<P>,
  steps: AttackSteps,
  subject: Subject,
  options: AttackOptions<P>,
): Method {
  const climber = createClimber(definition, subject, options, true);
  const { plan } = options;
  const gradients = gradientsOf(definition, plan);

  async function* untilSuccess(
    rows: readonly number[],
    restart: number,
    onWork: (done: number, left: number) => void,
  ): AsyncGenerator<Found> {
    const task = {
      length: plan.steps,
      stride: climber.stride,
      width: climber.width,
      open: (entering: readonly number[]) => climber.open(entering, restart),
      advance: (state: PoolState, constants: readonly tf.Tensor[], slots: readonly { row: number; done: number }[]) =>
        climber.advance(state, constants, slots, restart, climber.stride),
    };
    const scaled = (done: number, left: number): void => onWork(done * gradients, left * gradients);
    for await (const { candidates, nonFinite } of runPool(task, rows, options, scaled)) {
      yield { candidates: await judgedLasts(steps, subject, candidates, options), nonFinite };
    }
  }

  async function* toTheEnd(
    rows: readonly number[],
    restart: number,
    onWork: (done: number, left: number) => void,
  ): AsyncGenerator<Found> {
    let waiting = rows.length;
    for (const batch of batchesOf(rows, options.batchSize)) {
      waiting -= batch.length;
      const later = waiting * workOf(plan);
      const end = await climber.climb(batch, restart, (done, left) => onWork(done, left + later));
      const [kept, first, nonFinite, iterate] = end as unknown as readonly [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      try {
        yield await judgedEnds(
          steps.logits(subject.weights, iterate),
          [iterate, first, nonFinite, kept],
          batch,
          options,
        );
      } finally {
        tf.dispose([...end]);
      }
    }
  }

  return {
    run: (rows, restart, onWork) =>
      plan.stopAtSuccess ? untilSuccess(rows, restart, onWork) : toTheEnd(rows, restart, onWork),
    notes: () => climber.notes(),
    dispose: () => climber.dispose(),
  };
}

/** The last iterates of one batch, on a source that nobody judges. */
export async function makeByAscent<P extends AscentStepsPlan>(
  definition: AscentDefinition<P>,
  source: Subject,
  rows: readonly number[],
  restart: number,
  options: AttackOptions<P>,
  onWork: (done: number, left: number) => void,
): Promise<Made> {
  const climber = createClimber(definition, source, options, false);
  try {
    const end = await climber.climb(rows, restart, onWork);
    try {
      return await madeOf(rows, end[3] as tf.Tensor, end[2]);
    } finally {
      tf.dispose([...end]);
    }
  } finally {
    climber.dispose();
  }
}

/** Takes rows through a definition's steps. */
interface Climber {
  /** Steps of one call. */
  readonly stride: number;
  /** Tensors of a state: kept, first, nonFinite, iterate, memory … */
  readonly width: number;
  /** Rows at their start. The caller disposes of the tensors. */
  open(
    rows: readonly number[],
    restart: number,
  ): { readonly state: PoolState; readonly constants: readonly tf.Tensor[] };
  /** The next steps of every slot. The caller disposes of both states. */
  advance(
    state: PoolState,
    constants: readonly tf.Tensor[],
    slots: readonly { readonly row: number; readonly done: number }[],
    restart: number,
    iterations: number,
  ): PoolState;
  /** One batch through all steps. The caller disposes of the state. */
  climb(rows: readonly number[], restart: number, onWork: (done: number, left: number) => void): Promise<PoolState>;
  notes(): readonly string[];
  dispose(): void;
}

function createClimber<P extends AscentStepsPlan>(
  definition: AscentDefinition<P>,
  { network, weights }: Subject,
  options: AttackOptions<P>,
  judged: boolean,
): Climber {
  const { examples, plan, seed, batchSize, control, targets } = options;
  const { draws } = definition;
  const numbers = draws?.numbers(plan, examples.shape) ?? 0;
  const stops = plan.stopAtSuccess && judged;
  const mode = { targeted: targets !== undefined, judged, stops, drawn: numbers > 0 };
  const carried = definition.memory?.(plan) ?? 0;
  // Each step has random numbers of its own.
  const stride = numbers > 0 ? 1 : strideOf(plan.steps, LONGEST_STRIDE);
  const compiled = new Map<number, CompiledStep>();
  const { name } = definition;
  const { family: _, ...rest } = plan;
  // Threads know what modules define; nothing else.
  const everywhere = loadedModules().length > 0 && findAscent(name) === (definition as unknown) && isPlainData(rest);
  const prepare = (iterations: number): CompiledStep =>
    everywhere
      ? prepareStep(MODULE_ASCENT, { network: networkSpec(network), name, plan: rest, mode, carried, iterations })
      : compileStep(ascentStep(definition, network, plan, mode, iterations), {
          name: `${network.architecture} ${name}`,
        });
  const stepOf = (iterations: number): CompiledStep => {
    const step = compiled.get(iterations) ?? prepare(iterations);
    compiled.set(iterations, step);
    return step;
  };

  /** [n, numbers] */
  const drawn = (
    slots: readonly { readonly row: number; readonly done: number }[],
    rows: number,
    restart: number,
  ): tf.Tensor2D => {
    const values = new Float32Array(rows * numbers);
    slots.forEach(({ row, done }, at) => {
      const random = stream(seed, name, examples.indices[row] ?? 0, restart, done);
      draws?.fill(values.subarray(at * numbers, (at + 1) * numbers), random, plan, examples.shape);
    });
    return tf.tensor2d(values, [rows, numbers]);
  };

  const climber: Climber = {
    stride,
    width: 4 + carried,
    open(rows, restart) {
      const { iterate, constants } = startedBatch(examples, rows, plan, seed, restart, targets);
      const zeros = (): tf.Tensor => tf.zerosLike(iterate);
      const originals = imageTensor(gatherRows(examples.images, rows, imageSize(examples.shape)), examples.shape);
      const memory = Array.from({ length: carried }, zeros);
      return {
        state: [zeros(), tf.fill([rows.length], -1), tf.zeros([rows.length]), iterate, ...memory],
        constants: [...constants, originals],
      };
    },
    advance(state, constants, slots, restart, iterations) {
      const rows = state[1].size;
      const done = Array.from({ length: rows }, (_, at) => slots[at]?.done ?? plan.steps);
      const index = tf.tensor1d(done, 'float32');
      const random = numbers > 0 ? [drawn(slots, rows, restart)] : [];
      try {
        const list = [...state, index, ...constants, ...random, ...weightList(network, weights)];
        const outputs = stepOf(iterations).run(...list);
        outputs[climber.width]?.dispose();
        return outputs.slice(0, climber.width) as unknown as PoolState;
      } finally {
        tf.dispose([index, ...random]);
      }
    },
    async climb(rows, restart, onWork) {
      const padded = padRows(rows, batchSize);
      const gradients = gradientsOf(definition, plan);
      const opened = climber.open(padded, restart);
      let { state } = opened;
      try {
        for (let done = 0; done < plan.steps;) {
          const iterations = Math.min(stride, plan.steps - done);
          const slots = padded.map((row) => ({ row, done }));
          const next = climber.advance(state, opened.constants, slots, restart, iterations);
          tf.dispose([...state]);
          state = next;
          done += iterations;
          onWork(rows.length * iterations * gradients, rows.length * (plan.steps - done) * gradients);
          await control.checkpoint();
        }
        return state;
      } catch (error) {
        tf.dispose([...state]);
        throw error;
      } finally {
        tf.dispose([...opened.constants]);
      }
    },
    notes: () => [
      ...[...compiled.values()].flatMap(({ note }) => (note === null ? [] : [note])),
      ...(splitsBatches() && compiled.size > 0 && !everywhere
        ? [`The steps of ${name} ran on one thread: another attack has their name, or their plan is not plain data.`]
        : []),
    ],
    dispose: () => compiled.forEach((step) => step.dispose()),
  };
  return climber;
}

/** Whether another thread can be given it. */
function isPlainData(value: object): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}
