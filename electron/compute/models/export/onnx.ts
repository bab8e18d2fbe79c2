import { ProtobufWriter } from '../../engines/protobuf.ts';
import { forwardPadding } from '../../engines/kernels/shapes.ts';
import type { NpyArray } from '../../arrays/npy.ts';
import type { NpzArrays } from '../../arrays/npz.ts';
import { NORM_EPSILON } from '../frozen.ts';
import { IMAGES, type Layer, type Network } from '../layer.ts';
import { denoiseNodes, type Attribute, type Attributes } from './onnx-denoise.ts';
import { checkArrays, floats } from '../weights.ts';

/** Order of an image's axes at the graph's input. */
export type OnnxLayout = 'nchw' | 'nhwc';

const OPSET = 17;
/** The format's version that goes with opset 17. */
const IR_VERSION = 8;
const FLOAT = 1;
const INT64 = 7;

/**
 * The network in evaluation as an ONNX file (opset 17; onnx.ai, "IR" and "Operators"): input `images`, float32 pixels in
 * [0, 1], [batch, channels, height, width] or [batch, height, width, channels]; output `logits` [batch, classes]. The
 * batch may be of any size. Weights keep their names.
 * @param arrays of {@link Network.parameters}
 * @throws AppError `wrong-architecture` or `bad-data` for arrays of another network.
 */
export function onnxFile(network: Network, arrays: NpzArrays, layout: OnnxLayout): Uint8Array {
  checkArrays(network, arrays, 'The model');
  const graph = new Graph(network, arrays);
  const [height, width, channels] = network.inputShape;
  const extents = layout === 'nchw' ? [channels, height, width] : [height, width, channels];
  const message = new ProtobufWriter();
  const output = graph.build(layout);
  for (const node of graph.nodes) message.message(1, node);
  message.text(2, network.architecture);
  for (const tensor of graph.tensors) message.message(5, tensor);
  message.message(11, valueInfo(IMAGES, extents));
  message.message(12, valueInfo(output, [network.classes]));
  const facts = { architecture: network.architecture, input: `float32 pixels in [0, 1], ${layout}`, output: 'logits' };
  const model = new ProtobufWriter()
    .integer(1, IR_VERSION)
    .text(2, 'Pairlight')
    .text(6, `Input ${IMAGES}: ${facts.input}, nothing to normalise. Output ${output}: logits, no softmax.`)
    .message(7, message)
    .message(8, new ProtobufWriter().text(1, '').integer(2, OPSET));
  for (const [key, value] of Object.entries(facts)) {
    model.message(14, new ProtobufWriter().text(1, key).text(2, value));
  }
  return model.finish();
}

/** The nodes and constant tensors of a graph under construction. Activations are NCHW throughout, as ONNX has them. */
class Graph {
  readonly nodes: ProtobufWriter[] = [];
  readonly tensors: ProtobufWriter[] = [];
  readonly #network: Network;
  readonly #arrays: NpzArrays;
  /** By layer, the name of its output and whether that is a vector already. */
  readonly #values = new Map<string, { readonly name: string; readonly flat: boolean }>();

  constructor(network: Network, arrays: NpzArrays) {
    this.#network = network;
    this.#arrays = arrays;
  }

  /** @returns the name of the logits. */
  build(layout: OnnxLayout): string {
    const input = layout === 'nchw' ? IMAGES : this.#node('Transpose', [IMAGES], 'images_nchw', { perm: [0, 3, 1, 2] });
    this.#values.set(IMAGES, { name: input, flat: false });
    const last = this.#network.layers.at(-1);
    for (const layer of this.#network.layers) {
      const name = this.#layer(layer, layer === last ? 'logits' : layer.name);
      this.#values.set(layer.name, { name, flat: layer.kind === 'dense' || layer.kind === 'average' });
    }
    return 'logits';
  }

  #layer(layer: Layer, output: string): string {
    const inputs = layer.inputs.map((name) => this.#values.get(name)?.name ?? name);
    switch (layer.kind) {
      case 'scale': {
        const [mean, deviation] = ['mean', 'deviation'].map((part) => this.#parameter(`${layer.name}_${part}`, column));
        const centred = this.#node('Sub', [...inputs, mean ?? ''], `${output}_centred`);
        return this.#node('Div', [centred, deviation ?? ''], output);
      }
      case 'affine': {
        const [scale, shift] = ['scale', 'shift'].map((part) => this.#parameter(`${layer.name}_${part}`, column));
        const scaled = this.#node('Mul', [...inputs, scale ?? ''], `${output}_scaled`);
        return this.#relu('Add', [scaled, shift ?? ''], output, {}, layer.relu);
      }
      case 'cap':
        return this.#node('Min', [...inputs, this.#floats(`${output}_limit`, [], [layer.limit])], output);
      case 'denoise':
        return denoiseNodes(layer, inputs, output, {
          node: (...node) => this.#node(...node),
          integers: (...list) => this.#integers(...list),
          floats: (...list) => this.#floats(...list),
        });
      case 'depthwise': {
        const { top, left, bottom, right } = forwardPadding(layer.filter, 'same');
        const filter = this.#parameter(`${layer.name}_w`, oihwOfDepthwise);
        const bias = layer.bias ? [this.#parameter(`${layer.name}_b`)] : [];
        const attributes = {
          strides: [layer.stride, layer.stride],
          pads: [top, left, bottom, right],
          group: layer.filter[2],
        };
        return this.#relu('Conv', [...inputs, filter, ...bias], output, attributes, layer.relu);
      }
      case 'conv': {
        const { top, left, bottom, right } = forwardPadding(layer.filter, layer.pad);
        const filter = this.#parameter(`${layer.name}_w`, oihw);
        const bias = layer.bias ? [this.#parameter(`${layer.name}_b`)] : [];
        const attributes = { strides: [layer.stride, layer.stride], pads: [top, left, bottom, right] };
        return this.#relu('Conv', [...inputs, filter, ...bias], output, attributes, layer.relu);
      }
      case 'norm': {
        const own = ['gamma', 'beta', 'mean', 'variance'].map((part) => this.#parameter(`${layer.name}_${part}`));
        return this.#relu(
          'BatchNormalization',
          [...inputs, ...own],
          output,
          { epsilon: { decimal: NORM_EPSILON } },
          layer.relu,
        );
      }
      case 'add':
        return this.#relu('Add', inputs, output, {}, layer.relu);
      case 'pool': {
        const border = layer.size === 3 ? 1 : 0;
        const attributes = {
          kernel_shape: [layer.size, layer.size],
          strides: [2, 2],
          pads: [border, border, border, border],
        };
        return this.#node('MaxPool', inputs, output, attributes);
      }
      case 'average':
        return this.#node('Flatten', [this.#node('GlobalAveragePool', inputs, `${output}_mean`)], output);
      case 'shortcut': {
        const { stride, before, after } = layer;
        const bounds = [
          [0, 0],
          [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
          [2, 3],
          [stride, stride],
        ].map((values, at) => this.#integers(`${output}_slice${at}`, values));
        const slice = this.#node('Slice', [...inputs, ...bounds], `${output}_slice`);
        const pads = this.#integers(`${output}_pads`, [0, before, 0, 0, 0, after, 0, 0]);
        return this.#node('Pad', [slice, pads], output);
      }
      case 'dense': {
        const flat = this.#flat(layer);
        const parameters = ['w', 'b'].map((part) => this.#parameter(`${layer.name}_${part}`));
        return this.#relu('Gemm', [flat, ...parameters], output, {}, layer.relu);
      }
    }
  }

  /** The input of a dense layer as [batch, features], in the order of height, width, channels. */
  #flat(layer: Layer): string {
    const [source = IMAGES] = layer.inputs;
    const { name, flat } = this.#values.get(source) ?? { name: source, flat: false };
    if (flat) return name;
    const turned = this.#node('Transpose', [name], `${layer.name}_nhwc`, { perm: [0, 2, 3, 1] });
    return this.#node('Flatten', [turned], `${layer.name}_flat`);
  }

  #relu(type: string, inputs: readonly string[], output: string, attributes: Attributes, relu: boolean): string {
    if (!relu) return this.#node(type, inputs, output, attributes);
    return this.#node('Relu', [this.#node(type, inputs, `${output}_linear`, attributes)], output);
  }

  #node(type: string, inputs: readonly string[], output: string, attributes: Attributes = {}): string {
    const node = new ProtobufWriter();
    for (const input of inputs) node.text(1, input);
    node.text(2, output).text(3, output).text(4, type);
    for (const [key, value] of Object.entries(attributes)) node.message(5, attribute(key, value));
    this.nodes.push(node);
    return output;
  }

  #parameter(name: string, arrange: (array: NpyArray) => NpyArray = (array) => array): string {
    const { shape, data } = arrange(this.#arrays[name] ?? { dtype: 'f32', shape: [0], data: new Float32Array() });
    const values = floats(data);
    this.tensors.push(tensor(name, FLOAT, shape, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)));
    return name;
  }

  #floats(name: string, shape: readonly number[], values: readonly number[]): string {
    this.tensors.push(tensor(name, FLOAT, shape, new Uint8Array(Float32Array.from(values).buffer)));
    return name;
  }

  #integers(name: string, values: readonly number[]): string {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    this.tensors.push(tensor(name, INT64, [values.length], bytes));
    return name;
  }
}

function attribute(name: string, value: Attribute): ProtobufWriter {
  const message = new ProtobufWriter().text(1, name);
  if (typeof value === 'number') return message.integer(3, value).integer(20, 2);
  if ('decimal' in value) return message.float(2, value.decimal).integer(20, 1);
  for (const one of value) message.integer(8, one);
  return message.integer(20, 7);
}

function tensor(name: string, type: number, shape: readonly number[], bytes: Uint8Array): ProtobufWriter {
  const message = new ProtobufWriter();
  for (const extent of shape) message.integer(1, extent);
  return message.integer(2, type).text(8, name).bytes(9, bytes);
}

/** A float32 tensor of any number of rows. */
function valueInfo(name: string, extents: readonly number[]): ProtobufWriter {
  const shape = new ProtobufWriter().message(1, new ProtobufWriter().text(2, 'batch'));
  for (const extent of extents) shape.message(1, new ProtobufWriter().integer(1, extent));
  const type = new ProtobufWriter().message(1, new ProtobufWriter().integer(1, FLOAT).message(2, shape));
  return new ProtobufWriter().text(1, name).message(2, type);
}

/** One number for each channel, to go with [batch, channels, height, width]. */
function column({ dtype, shape, data }: NpyArray): NpyArray {
  return { dtype, shape: [...shape, 1, 1], data };
}

/** A filter [height, width, channels, 1] as [channels, 1, height, width]. */
function oihwOfDepthwise({ dtype, shape, data }: NpyArray): NpyArray {
  const [height = 0, width = 0, channels = 0] = shape;
  return oihw({ dtype, shape: [height, width, 1, channels], data });
}

/** A filter [height, width, in, out] as [out, in, height, width]. */
function oihw({ shape, data }: NpyArray): NpyArray {
  const [height = 0, width = 0, inputs = 0, outputs = 0] = shape;
  const [from, to] = [floats(data), new Float32Array(data.length)];
  const area = height * width;
  for (let position = 0; position < area; position += 1) {
    for (let input = 0; input < inputs; input += 1) {
      for (let output = 0; output < outputs; output += 1) {
        to[(output * inputs + input) * area + position] = from[(position * inputs + input) * outputs + output] ?? 0;
      }
    }
  }
  return { dtype: 'f32', shape: [outputs, inputs, height, width], data: to };
}
