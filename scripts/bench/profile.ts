/**
 * What bounds a step: in a process of its own, on the tensorflow engine, one step of PGD operation by operation and as
 * one graph, each convolution by itself, and the machine's peak by a large product of matrices. One line in, one out.
 */
import { text } from 'node:stream/consumers';
import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { IN_LINF } from '../../electron/compute/attacks/ascent/climb.ts';
import { ASCEND } from '../../electron/compute/attacks/ascent/steps.ts';
import type { TensorflowBackend, TensorflowBinding } from '../../electron/compute/engines/binding.ts';
import { loadEngine } from '../../electron/compute/engines/load.ts';
import { prepareStep } from '../../electron/compute/engines/step.ts';
import type { Layer } from '../../electron/compute/models/layer.ts';
import { freeze } from '../../electron/compute/models/frozen.ts';
import { buildNetwork, initialWeights, networkSpec, weightList } from '../../electron/compute/models/network.ts';
import { randomPixels } from './packed-set.ts';
import { benchNetwork } from './protocol.ts';
import { median } from './statistics.ts';

const order = z.strictObject({
  network: benchNetwork,
  batch: z.int().min(1),
  threads: z.int().min(1),
  enginePack: z.string().nullable(),
});
export type ProfileOrder = z.infer<typeof order>;

export interface Profile {
  /** Seconds of one step, medians. */
  readonly eager: number;
  readonly graph: number;
  /** By TensorFlow's name of the operation, the most expensive first: calls and seconds in one step. */
  readonly operations: readonly { readonly name: string; readonly calls: number; readonly seconds: number }[];
  /** Convolutions and dense layers: floating-point operations and seconds of one forward pass of the batch. */
  readonly layers: readonly { readonly name: string; readonly operations: number; readonly seconds: number }[];
  /** Floating-point operations a second of a product of two large matrices. */
  readonly peak: number;
}

const RUNS = 7;
const PEAK_SIDE = 2048;

const { network: described, batch, threads, enginePack } = order.parse(JSON.parse(await text(process.stdin)));
await loadEngine('tensorflow', { enginePack, threads, deterministic: false });
process.stdout.write(`${JSON.stringify(profile())}\n`);
process.exit(0);

function profile(): Profile {
  const plain = buildNetwork(described.architecture, described.shape, described.classes);
  const { network, weights } = freeze(plain, initialWeights(plain, 0));
  const { images, labels } = randomPixels(described, batch);
  const iterate = tf.tensor4d(
    Float32Array.from(images, (byte) => byte / 255),
    [batch, ...described.shape],
  );
  const inputs = [
    iterate,
    tf.zeros([batch]),
    tf.zerosLike(iterate),
    tf.onesLike(iterate),
    tf.tensor1d(Int32Array.from(labels), 'int32'),
    tf.scalar(0.01),
    ...weightList(network, weights),
  ];
  const parameters = { network: networkSpec(network), iterations: 1, rule: IN_LINF };
  const step = ASCEND.build(parameters);
  const eagerly = (): tf.Tensor[] => tf.tidy(() => step(...inputs));
  const compiled = prepareStep(ASCEND, parameters);
  const eager = secondsOf(eagerly);
  const operations = operationsOf(eagerly);
  const graph = secondsOf(() => compiled.run(...inputs));
  if (compiled.note !== null) throw new Error(compiled.note);
  return { eager, graph, operations, layers: network.layers.flatMap(layerCost), peak: peakOf() };
}

/** Median seconds of a run, after enough runs for everything to be compiled. */
function secondsOf(run: () => tf.Tensor | tf.Tensor[]): number {
  const seconds = Array.from({ length: 2 * RUNS }, () => {
    const started = performance.now();
    const made = run();
    const elapsed = (performance.now() - started) / 1000;
    tf.dispose(made);
    return elapsed;
  });
  return median(seconds.slice(RUNS));
}

/** Each operation's part in a run, from the calls that the backend makes. */
function operationsOf(run: () => tf.Tensor[]): Profile['operations'] {
  const backend = tf.backend() as unknown as TensorflowBackend;
  const { binding } = backend;
  const totals = new Map<string, { calls: number; seconds: number }>();
  const executeOp: TensorflowBinding['executeOp'] = (name, attributes, inputs, outputs) => {
    const started = performance.now();
    const made = binding.executeOp(name, attributes, inputs, outputs);
    const total = totals.get(name) ?? { calls: 0, seconds: 0 };
    totals.set(name, {
      calls: total.calls + 1 / RUNS,
      seconds: total.seconds + (performance.now() - started) / 1000 / RUNS,
    });
    return made;
  };
  backend.binding = Object.create(binding, { executeOp: { value: executeOp } }) as TensorflowBinding;
  try {
    for (let index = 0; index < RUNS; index += 1) tf.dispose(run());
  } finally {
    backend.binding = binding;
  }
  return [...totals]
    .map(([name, { calls, seconds }]) => ({ name, calls: Math.round(calls), seconds }))
    .toSorted((a, b) => b.seconds - a.seconds);
}

/** A convolution or dense layer by itself. */
function layerCost(layer: Layer): Profile['layers'] {
  if (layer.kind === 'conv') {
    const [size, , channels, filters] = layer.filter;
    const [height, width] = layer.output;
    const stride = Math.max(...[layer.stride].flat());
    const input = tf.randomUniform<tf.Rank.R4>([batch, height * stride, width * stride, channels]);
    const filter = tf.randomUniform<tf.Rank.R4>([...layer.filter]);
    const seconds = secondsOf(() => tf.conv2d(input, filter, stride, 'same'));
    tf.dispose([input, filter]);
    const name = `${height}×${width}, ${channels}→${filters}, ${size}×${size}${stride > 1 ? ` / ${stride}` : ''}`;
    return [{ name, operations: 2 * batch * height * width * size * size * channels * filters, seconds }];
  }
  if (layer.kind === 'dense') {
    const { features, units } = layer;
    const [input, matrix] = [tf.randomUniform([batch, features]), tf.randomUniform([features, units])];
    const seconds = secondsOf(() => tf.matMul(input, matrix));
    tf.dispose([input, matrix]);
    return [{ name: `dense ${features}→${units}`, operations: 2 * batch * features * units, seconds }];
  }
  return [];
}

function peakOf(): number {
  const matrix = tf.randomUniform([PEAK_SIDE, PEAK_SIDE]);
  const seconds = secondsOf(() => tf.matMul(matrix, matrix));
  matrix.dispose();
  return (2 * PEAK_SIDE ** 3) / seconds;
}
