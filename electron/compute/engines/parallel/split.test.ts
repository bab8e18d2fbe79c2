import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IN_LINF } from '../../attacks/ascent/climb.ts';
import { ASCEND, PURSUE, TRACKED } from '../../attacks/ascent/steps.ts';
import { LOGITS, LOSS_GRADIENT } from '../../models/classifier.ts';
import { buildNetwork, initialWeights, networkSpec, weightList } from '../../models/network.ts';
import { TRAIN_GRADIENT } from '../../training/gradient.ts';
import { INNER_ATTACK } from '../../training/inner-attack.ts';
import type { StepDefinition } from '../step.ts';
import { startWasmBackend } from '../wasm.ts';
import { FAULTS, type FaultKind } from './faults.ts';
import { rowsOfShards, shardsOf } from './shards.ts';
import { createBatchSplitter } from './split.ts';

beforeAll(startWasmBackend);

const network = buildNetwork('small-cnn', [12, 12, 1], 10);
const spec = networkSpec(network);
const BATCH = 71;

function bits(tensors: readonly tf.Tensor[]): Buffer[] {
  return tensors.map((tensor) => Buffer.from(tensor.dataSync<'float32'>().slice().buffer));
}

function same(some: readonly Buffer[], others: readonly Buffer[]): boolean {
  return some.length === others.length && some.every((one, index) => others[index]?.equals(one));
}

it('cuts batches into parts that depend on the batch and the step alone', () => {
  expect(rowsOfShards(3_000_000, false)).toBe(16);
  expect(rowsOfShards(3_000_000, true)).toBe(32);
  expect(rowsOfShards(50_000, false)).toBe(32);
  expect(shardsOf(16, 16)).toEqual([{ start: 0, end: 16 }]);
  expect(shardsOf(17, 16)).toEqual([
    { start: 0, end: 8 },
    { start: 8, end: 17 },
  ]);
  expect(shardsOf(128, 16)).toHaveLength(8);
  expect(shardsOf(100, 16).map(({ start, end }) => end - start)).toEqual([14, 14, 14, 15, 14, 14, 15]);
});

describe('a step in parts', () => {
  const splitters = [1, 2, 3].map((threads) => createBatchSplitter({ threads, deterministic: false }));
  const weights = weightListOnce();
  beforeAll(() => Promise.all(splitters.map(({ pool }) => pool.ready())));
  afterAll(async () => {
    await Promise.all(splitters.map(({ pool }) => pool.dispose()));
    tf.dispose([...weights()]);
  });

  function weightListOnce(): () => readonly tf.Tensor[] {
    let list: readonly tf.Tensor[] | null = null;
    return () => (list ??= weightList(network, initialWeights(network, 3)));
  }
  const image = (seed: number): tf.Tensor => tf.randomUniform([BATCH, 12, 12, 1], 0, 1, 'float32', seed);
  const labels = (): tf.Tensor => tf.randomUniform([BATCH], 0, 10, 'int32', 5);
  const bounds = (): tf.Tensor[] => [tf.zeros([BATCH, 12, 12, 1]), tf.ones([BATCH, 12, 12, 1]), labels()];

  interface Case {
    readonly name: string;
    readonly definition: StepDefinition<never>;
    readonly parameters: object;
    readonly inputs: () => tf.Tensor[];
  }
  const defence = { network: spec, defence: 'at', defenceSettings: {}, labelSmoothing: 0.1 };
  const cases: readonly Case[] = [
    { name: 'logits', definition: LOGITS, parameters: spec, inputs: () => [image(1)] },
    {
      name: 'loss gradient',
      definition: LOSS_GRADIENT,
      parameters: { network: spec, loss: 'cross-entropy' },
      inputs: () => [image(1), labels()],
    },
    {
      name: 'attack steps with tracking',
      definition: TRACKED,
      parameters: { network: spec, iterations: 2, rule: IN_LINF },
      inputs: () => [
        image(1),
        tf.fill([BATCH], -1),
        tf.zeros([BATCH]),
        image(2),
        tf.zeros([BATCH]),
        ...bounds(),
        tf.scalar(0.1),
      ],
    },
    {
      name: 'attack steps up to a success',
      definition: PURSUE,
      parameters: { network: spec, iterations: 2, rule: IN_LINF },
      inputs: () => [
        image(1),
        tf.fill([BATCH], -1),
        tf.zeros([BATCH]),
        tf.zeros([BATCH]),
        ...bounds(),
        tf.scalar(9),
        tf.scalar(0.1),
      ],
    },
    {
      name: 'attack steps',
      definition: ASCEND,
      parameters: { network: spec, iterations: 2, rule: IN_LINF },
      inputs: () => [image(1), tf.zeros([BATCH]), ...bounds(), tf.scalar(0.1)],
    },
    {
      name: 'inner attack',
      definition: INNER_ATTACK,
      parameters: { network: spec, iterations: 3 },
      inputs: () => [image(1), ...bounds(), tf.scalar(0.05)],
    },
    {
      name: 'training gradient',
      definition: TRAIN_GRADIENT,
      parameters: defence,
      inputs: () => [image(1), labels(), tf.scalar(BATCH)],
    },
  ];

  it.each(cases)('gives the same bits with 1, 2 and 3 threads, and the step’s own numbers: $name', (each) => {
    const batch = each.inputs();
    const inputs = [...batch, ...weights()];
    const parameters = each.parameters as never;
    const layout = each.definition.layout(parameters)!;
    const before = tf.memory();
    const steps = splitters.map((split) => split(each.definition, parameters, layout));
    const results = steps.map((step) => {
      let last: Buffer[] = [];
      // Again and again, so that all threads get their share.
      for (let run = 0; run < 4; run++) {
        const outputs = step.run(...inputs);
        const now = bits(outputs);
        if (run > 0) expect(same(now, last)).toBe(true);
        last = now;
        tf.dispose(outputs);
      }
      return last;
    });
    expect(results.map((result) => same(result, results[0]!))).toEqual([true, true, true]);
    expect(tf.memory()).toMatchObject({ numTensors: before.numTensors, numBytes: before.numBytes });

    const whole = tf.tidy(() =>
      each.definition
        .build(parameters)(...inputs)
        .map((tensor) => tensor.dataSync<'float32'>().slice()),
    );
    whole.forEach((expected, index) => {
      const { buffer, byteOffset } = results[0]![index]!;
      const found = new Float32Array(buffer, byteOffset, expected.length);
      const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-6);
      const different = expected.filter((value, at) => !(Math.abs(found[at]! - value) <= 1e-5 * scale)).length;
      // A sign turns a difference of rounding into a whole step.
      expect(different / expected.length).toBeLessThanOrEqual(2e-3);
    });
    tf.dispose(batch);
  });

  it('takes batch statistics over the parts, the same ones with 1 and 2 threads', () => {
    const residual = buildNetwork('cifar-resnet20', [8, 8, 3], 10);
    const parameters = { network: networkSpec(residual), defence: 'natural', defenceSettings: {}, labelSmoothing: 0 };
    const layout = TRAIN_GRADIENT.layout(parameters)!;
    const rows = 50;
    const images = tf.randomUniform([rows, 8, 8, 3], 0, 1, 'float32', 1);
    const labels = tf.randomUniform([rows], 0, 10, 'int32', 5);
    const own = weightList(residual, initialWeights(residual, 4));
    const inputs = [images, labels, tf.scalar(rows), ...own];
    const [one, two] = splitters.slice(0, 2).map((split) => {
      const outputs = split(TRAIN_GRADIENT, parameters, layout).run(...inputs);
      const values = outputs.map((tensor) => tensor.dataSync<'float32'>().slice());
      tf.dispose(outputs);
      return values;
    });
    const raw = (values: readonly Float32Array[]): Buffer[] => values.map((each) => Buffer.from(each.buffer));
    expect(same(raw(two!), raw(one!))).toBe(true);

    const step = TRAIN_GRADIENT.build(parameters);
    const sums = tf.tidy(() => {
      const parts = [0, 25].map((start) => {
        const part = (tensor: tf.Tensor): tf.Tensor => tf.slice(tensor, start, 25);
        return step(part(images), part(labels), ...inputs.slice(2));
      });
      return parts[0]!.map((output, index) => tf.add(output, parts[1]![index]!).dataSync<'float32'>().slice());
    });
    expect(sums.map(({ length }) => length)).toEqual(one!.map(({ length }) => length));
    sums.forEach((expected, index) => {
      const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-6);
      const worst = expected.reduce((most, value, at) => Math.max(most, Math.abs(value - one![index]![at]!)), 0);
      expect(worst / scale).toBeLessThan(1e-6);
    });
    tf.dispose([...inputs]);
  });

  it('works with new weights as soon as it is given them, and forgets the old ones', () => {
    const [, split] = splitters;
    const step = split!(LOGITS, spec, LOGITS.layout(spec)!);
    const x = image(9);
    const seen = [1, 2, 3].map((seed) => {
      const own = weightList(network, initialWeights(network, seed));
      const outputs = step.run(x, ...own);
      const expected = tf.tidy(() =>
        LOGITS.build(spec)(x, ...own)[0]!
          .dataSync<'float32'>()
          .slice(),
      );
      const found = outputs[0]!.dataSync<'float32'>();
      expected.forEach((value, index) => expect(found[index]).toBeCloseTo(value, 5));
      tf.dispose([...outputs, ...own]);
      return expected[0];
    });
    expect(new Set(seen).size).toBe(3);
    x.dispose();
  });
});

describe('a thread that fails', () => {
  const run = async (kind: FaultKind): Promise<unknown> => {
    const split = createBatchSplitter({
      threads: 2,
      deterministic: false,
      entry: join(import.meta.dirname, 'faulty-thread.ts'),
      patienceMs: 500,
    });
    await split.pool.ready();
    const step = split(FAULTS, { kind }, FAULTS.layout({ kind })!);
    const x = tf.ones([64, 4]);
    try {
      const [y] = step.run(x);
      const values = y!.dataSync().slice();
      y!.dispose();
      return values;
    } catch (error) {
      const again = ((): unknown => {
        try {
          return step.run(x);
        } catch (next) {
          return next;
        }
      })();
      return { error, again };
    } finally {
      x.dispose();
      await split.pool.dispose();
    }
  };

  it('computes when nothing is wrong', async () => {
    expect(await run('none')).toEqual(new Float32Array(256).fill(2));
  });
  it('throws what the step threw there', async () => {
    expect(await run('throw')).toMatchObject({ error: { code: 'non-finite', message: 'thrown in a thread' } });
  });
  it('names a thread that ended in the middle of a step, then and in later runs', async () => {
    const lost = { code: 'engine-failed', message: expect.stringMatching(/thread.*lost.*ended/) as string };
    expect(await run('exit')).toMatchObject({ error: lost, again: lost });
  });
  it('gives up on a thread that hangs', async () => {
    const lost = { code: 'engine-failed', message: expect.stringMatching(/no sign of life for 0\.5 s/) as string };
    expect(await run('hang')).toMatchObject({ error: lost, again: lost });
  });
  it('notices tensors that a step leaves behind', async () => {
    expect(await run('leak')).toMatchObject({ error: { code: 'internal', message: 'A step left 1 tensors.' } });
  });
});
