import * as tf from '@tensorflow/tfjs-core';
import { AppError } from '../../../shared/domain/errors.ts';
import type { TensorflowBackend } from './binding.ts';
import { isDeterministic } from './state.ts';
import { traceStep, type TracedGraph } from './trace.ts';

/** A step whose tensors all come in as arguments. */
export type Step = (...inputs: tf.Tensor[]) => tf.Tensor[];

/** A step that runs another one several times; see {@link repeatStep}. */
export interface RepeatedStep extends Step {
  readonly once: Step;
  readonly times: number;
}

/**
 * `times` runs of a step in a row as one: the outputs of each run are the first inputs of the next, of the same shapes;
 * the other inputs stay as they are. As a graph it is recorded and checked by one of its runs.
 */
export function repeatStep(once: Step, times: number): RepeatedStep {
  const run: Step = (...inputs) => {
    let state: tf.Tensor[] = [];
    for (let time = 0; time < times; time += 1) {
      const next = tf.tidy(() => once(...state, ...inputs.slice(state.length)));
      // A run may hand out what it was given.
      tf.dispose(state.filter((tensor) => !next.includes(tensor) && !inputs.includes(tensor)));
      state = next;
    }
    return state;
  };
  return Object.assign(run, { once, times });
}

export interface CompiledStep {
  /**
   * Runs the step. The caller disposes of the outputs; inputs stay the caller's.
   * Everything that changes from call to call must be an argument: weights, labels, step sizes, random numbers. Numbers
   * that the step takes from elsewhere are fixed at the first runs.
   */
  run(...inputs: readonly tf.Tensor[]): tf.Tensor[];
  /** Why the step runs operation by operation where it could run as one graph; null if there is nothing to say. */
  readonly note: string | null;
  dispose(): void;
}

/** Shapes that come only once or twice are not worth a graph, unless one run is several. */
const RUNS_BEFORE_TRACING = 2;
/**
 * Operations of a graph of several repetitions. TensorFlow's optimiser takes about half a millisecond for each, and a
 * call costs no more than a few: more repetitions at once gain nothing. On a graphics card each call copies the inputs
 * there and the outputs back, so there many are worth it.
 */
const NODES = 150;
const NODES_ON_GRAPHICS_CARD = 2000;
/** Graphs kept for one step, the least recently used one going first. */
const GRAPHS_PER_STEP = 16;
const TOLERANCE = 1e-6;
/** A sign() in a step turns a difference of rounding into a whole step; so few elements may differ. */
const SHARE_OF_FLIPS = 1e-3;

export interface CompileOptions {
  /** Says in notes and errors which step is meant. */
  readonly name: string;
  /** How far graph and step may be apart, relative to the larger of 1 and an output's largest value; 1e-6 if left out. */
  readonly tolerance?: number;
}

interface Variant {
  runs: number;
  graph: TracedGraph | null;
  /** Runs in which the graph was compared with the step itself. */
  checks: number;
}

/**
 * Makes a step run as one graph on the tensorflow engine: its operations are recorded in one run for each set of input
 * shapes, and compared with the step itself in that run and, until one graph has passed twice, in later ones: a step
 * that depends on more than its arguments shows itself only then. On other engines, and where that is not possible, the
 * step runs as it is, with a note that says so.
 * @param step tensors in, new tensors out; without side effects.
 */
export function compileStep(step: Step | RepeatedStep, options: CompileOptions): CompiledStep {
  const { once, times } = 'once' in step ? step : { once: step, times: 1 };
  const patience = times > 1 ? 0 : RUNS_BEFORE_TRACING;
  const variants = new Map<string, Variant>();
  let note: string | null = null;
  /** Whether a graph has agreed with the step in two runs. */
  let settled = false;

  const giveUp = (reason: string): void => {
    note = `${options.name} runs operation by operation: ${reason}.`;
    for (const variant of variants.values()) variant.graph?.dispose();
    variants.clear();
  };
  function trace(backend: TensorflowBackend, variant: Variant, inputs: readonly tf.Tensor[]): tf.Tensor[] {
    let outputs: tf.Tensor[] | null = null;
    try {
      const traced = traceStep(backend, (...list) => run(once, list), inputs);
      outputs = traced.outputs;
      variant.graph = traced.build(atOnce(times, traced.operations, backend.binding.isUsingGpuDevice()));
      makeRoom(variants);
    } catch (error) {
      tf.dispose(outputs ?? []);
      if (error instanceof AppError && error.code === 'internal') throw error;
      giveUp(error instanceof Error ? error.message : String(error));
      return run(step, inputs);
    }
    return runGraph(variant, variant.graph, inputs, outputs);
  }

  /** @param expected what the first repetition must give, or null; if it does not, there is no graph any more. */
  function runGraph(
    variant: Variant,
    graph: TracedGraph,
    inputs: readonly tf.Tensor[],
    expected: tf.Tensor[] | null,
  ): tf.Tensor[] {
    let state: tf.Tensor[] = [];
    for (let done = 0; done < times; done += graph.times) {
      const { last, first } = graph.run([...state, ...inputs.slice(state.length)]);
      tf.dispose(state);
      state = last;
      const wrong =
        done > 0 || !expected
          ? -1
          : first.findIndex((result, index) => !agree(result, expected[index], options.tolerance ?? TOLERANCE));
      // A graph of one repetition has but one set of outputs.
      tf.dispose(first.filter((tensor) => !last.includes(tensor)));
      if (wrong < 0) continue;
      giveUp(`as one graph its output ${wrong + 1} differs`);
      tf.dispose(last);
      if (expected && times === 1) return expected;
      tf.dispose(expected ?? []);
      return run(step, inputs);
    }
    if (expected) {
      tf.dispose(expected);
      variant.checks += 1;
      settled ||= variant.checks === 2;
    }
    return state;
  }

  return {
    get note() {
      return note;
    },
    run(...inputs) {
      if (note !== null || tf.getBackend() !== 'tensorflow') return run(step, inputs);
      const key = inputs.map((input) => `${input.dtype}[${input.shape.join()}]`).join();
      const variant = variants.get(key) ?? { runs: 0, graph: null, checks: 0 };
      variants.delete(key);
      variants.set(key, variant); // The map's order is that of last use.
      variant.runs += 1;
      if (variant.graph === null) {
        // A graph may round differently; a run that must be repeatable to the last bit has it from the start.
        if (variant.runs <= patience && !isDeterministic()) return run(step, inputs);
        return trace(tf.backend() as unknown as TensorflowBackend, variant, inputs);
      }
      return runGraph(variant, variant.graph, inputs, settled ? null : run(once, inputs));
    },
    dispose() {
      for (const variant of variants.values()) variant.graph?.dispose();
      variants.clear();
    },
  };
}

/** Operation by operation. */
function run(step: Step, inputs: readonly tf.Tensor[]): tf.Tensor[] {
  return tf.tidy(() => {
    // A step may hand out one of its inputs, or one tensor twice: the caller gets tensors of its own.
    const taken = new Set<tf.Tensor>(inputs);
    return step(...inputs).map((output) => {
      if (taken.has(output)) return tf.clone(output);
      taken.add(output);
      return output;
    });
  });
}

/** How many repetitions go into one graph, a divisor of them all. */
function atOnce(times: number, operations: number, onGraphicsCard: boolean): number {
  const limit = Math.max(1, Math.floor((onGraphicsCard ? NODES_ON_GRAPHICS_CARD : NODES) / operations));
  const divisors = Array.from({ length: times }, (_, less) => times - less).filter((each) => times % each === 0);
  return divisors.find((divisor) => divisor <= limit) ?? 1;
}

function makeRoom(variants: Map<string, Variant>): void {
  const graphs = [...variants].filter(([, variant]) => variant.graph !== null);
  for (const [key, variant] of graphs.slice(0, Math.max(0, graphs.length - GRAPHS_PER_STEP))) {
    variant.graph?.dispose();
    variants.delete(key);
  }
}

/** Equal within the tolerance, relative to the larger of 1 and the output's largest value. */
function agree(result: tf.Tensor, expected: tf.Tensor | undefined, tolerance: number): boolean {
  if (!expected || result.shape.join() !== expected.shape.join() || result.dtype !== expected.dtype) return false;
  const [a, b] = [result.dataSync(), expected.dataSync()];
  let scale = 1;
  for (const value of b) if (Math.abs(value) > scale && Number.isFinite(value)) scale = Math.abs(value);
  let different = 0;
  for (const [index, value] of b.entries()) {
    const other = a[index] ?? NaN;
    if (!(Math.abs(other - value) <= tolerance * scale) && !Object.is(other, value)) different += 1;
  }
  return different <= SHARE_OF_FLIPS * b.length;
}
