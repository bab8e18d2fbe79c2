import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProtobufWriter } from '../../engines/protobuf.ts';
import { sampleImages } from '../../fixtures/sample-images.ts';
import { openOnnx } from './onnx.ts';
import { probeModel } from './probe.ts';
import { createPredictor, readPixels } from './reading.ts';

const FIXTURES = join(import.meta.dirname, '..', '..', 'fixtures');
const MODEL = join(FIXTURES, 'foreign.onnx');

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'pairlight-onnx-'));
});
afterAll(() => rm(scratch, { recursive: true }));

describe('a classifier that PyTorch trained and exported', () => {
  it('is read as it was trained, and found to give probabilities', async () => {
    const { accuracy } = JSON.parse(await readFile(join(FIXTURES, 'foreign-logits.json'), 'utf8')) as Expected;
    const session = await openOnnx(MODEL, 1);
    const probe = await probeModel(session, await sampleImages(200), {}, MODEL);
    await session.dispose();
    const [best] = probe.readings;
    expect(best).toMatchObject({
      label: 'mean and deviation of MNIST',
      reading: { layout: 'nchw', range: 'unit', output: 'probabilities' },
    });
    expect(best?.accuracy).toBeCloseTo(accuracy, 3);
    const bytes = probe.readings.find(({ label }) => label === 'pixels 0 to 255');
    expect(bytes?.accuracy).toBeLessThan(accuracy);
    expect(probe).toMatchObject({ format: 'onnx', classes: 10, examples: 200 });
  });

  it('gives the logarithms of its probabilities, which are its logits but for a number for each image', async () => {
    const { logits } = JSON.parse(await readFile(join(FIXTURES, 'foreign-logits.json'), 'utf8')) as Expected;
    const { images } = await sampleImages(8);
    const normalisation = { mean: [0.1307], deviation: [0.3081] };
    const reading = { layout: 'nchw', range: 'unit', normalisation, output: 'probabilities' } as const;
    const predictor = createPredictor(await openOnnx(MODEL, 1), reading, [28, 28, 1], 10);
    const found = await predictor.logits(images, 8);
    const alone = await predictor.logits(images.subarray(784, 2 * 784), 1);
    await predictor.dispose();
    expect(Array.from(alone)).toEqual(Array.from(found.subarray(10, 20)));
    logits.forEach((row, at) => {
      const sum = Math.log(row.reduce((total, value) => total + Math.exp(value), 0));
      row.forEach((value, k) => expect(found[at * 10 + k]).toBeCloseTo(value - sum, 3));
    });
  });

  it('is refused for images and classes that are not its own', async () => {
    const session = await openOnnx(MODEL, 1);
    const data = await sampleImages(4);
    const wide = { ...data, shape: [14, 56, 1] as [number, number, number] };
    await expect(probeModel(session, wide, {}, 'm')).rejects.toThrow(/m takes inputs of 1×28×28, and .*14×56, 1 chan/);
    await expect(probeModel(session, data, { layout: 'nhwc' }, 'm')).rejects.toMatchObject({
      code: 'wrong-architecture',
    });
    await expect(probeModel(session, { ...data, classes: 7 }, {}, 'm')).rejects.toThrow(
      /10 classes and the data set 7/,
    );
    const normalisation = { mean: [0.5, 0.5, 0.5], deviation: [1, 1, 1] };
    await expect(probeModel(session, data, { normalisation }, 'm')).rejects.toThrow(
      /3 means .* images have 1 channels/,
    );
    await session.dispose();
  });
});

describe('an ONNX file is refused, and told why,', () => {
  it.each([
    ['that is damaged', Uint8Array.of(1, 2, 3), 'bad-data', /is no ONNX model, or is damaged/],
    ['with two inputs', identity({ inputs: ['a', 'b'] }), 'unsupported', /takes 2 inputs \(a, b\), not one/],
    ['with two outputs', identity({ outputs: ['p', 'q'] }), 'unsupported', /has 2 outputs \(p, q\), not one/],
    [
      'whose input is no image',
      identity({ extents: [2, 784] }),
      'unsupported',
      /inputs of 2 axes, and images have four/,
    ],
    ['whose input is of another type', identity({ type: 7 }), 'unsupported', /takes int64, not float32/],
  ] as const)('%s', async (_, bytes, code, message) => {
    const file = join(scratch, 'model.onnx');
    await writeFile(file, bytes);
    await expect(openOnnx(file, 1)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  });

  it('whose output is no list of classes', async () => {
    const file = join(scratch, 'images.onnx');
    await writeFile(file, identity({}));
    const session = await openOnnx(file, 1);
    await expect(session.run(new Float32Array(8), 2, [1, 2, 2])).rejects.toThrow(/gives float32 \[2, 1, 2, 2\] for 2/);
    await session.dispose();
  });

  it('that is not there', async () => {
    await expect(openOnnx(join(scratch, 'none.onnx'), 1)).rejects.toMatchObject({ code: 'not-found' });
  });
});

it('pixels are scaled, normalised and laid out as a reading says', () => {
  const images = Float32Array.of(0, 0.5, 1, 0.25, 0.75, 0.5);
  const plain = { range: 'unit', normalisation: null, output: 'logits' } as const;
  const shape = [1, 2, 3] as [number, number, number];
  expect(Array.from(readPixels({ ...plain, layout: 'nhwc' }, images, shape))).toEqual(Array.from(images));
  expect(Array.from(readPixels({ ...plain, layout: 'nchw' }, images, shape))).toEqual([0, 0.25, 0.5, 0.75, 1, 0.5]);
  const signed = readPixels({ ...plain, layout: 'nhwc', range: 'signed' }, images, shape);
  expect(Array.from(signed)).toEqual([-1, 0, 1, -0.5, 0.5, 0]);
  const normalisation = { mean: [0, 127.5, 0], deviation: [255, 1, 2] };
  const bytes = readPixels({ ...plain, layout: 'nhwc', range: 'bytes', normalisation }, images, shape);
  expect(Array.from(bytes)).toEqual([0, 0, 127.5, 0.25, 63.75, 63.75]);
});

interface Expected {
  readonly accuracy: number;
  readonly logits: readonly (readonly number[])[];
}

/** An ONNX file that hands its inputs on. */
function identity({
  inputs = ['x'],
  outputs = ['y'],
  extents = [-1, 1, 2, 2],
  type = 1,
}: {
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly extents?: readonly number[];
  readonly type?: number;
}): Uint8Array {
  const value = (name: string): ProtobufWriter => {
    const shape = new ProtobufWriter();
    for (const extent of extents) {
      shape.message(1, extent < 0 ? new ProtobufWriter().text(2, 'n') : new ProtobufWriter().integer(1, extent));
    }
    const tensor = new ProtobufWriter().integer(1, type).message(2, shape);
    return new ProtobufWriter().text(1, name).message(2, new ProtobufWriter().message(1, tensor));
  };
  const graph = new ProtobufWriter().text(2, 'g');
  outputs.forEach((output, at) => {
    graph.message(
      1,
      new ProtobufWriter()
        .text(1, inputs[at] ?? inputs[0] ?? '')
        .text(2, output)
        .text(4, 'Identity'),
    );
  });
  for (const name of inputs) graph.message(11, value(name));
  for (const name of outputs) graph.message(12, value(name));
  const opset = new ProtobufWriter().text(1, '').integer(2, 17);
  return new ProtobufWriter().integer(1, 8).message(7, graph).message(8, opset).finish();
}
