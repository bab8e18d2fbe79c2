import { AppError } from '../../../shared/domain/errors.ts';
import type { OpAttribute, TensorflowBinding } from './binding.ts';
import { ProtobufWriter } from './protobuf.ts';

/** A value in a graph: an output of a node, written `node` or `node:1`. */
export type GraphValue = string;

export interface GraphInput {
  readonly dtype: number;
  readonly shape: readonly number[];
}

export interface GraphConstant extends GraphInput {
  /** Little-endian, row-major. */
  readonly bytes: Uint8Array;
}

/** Builds the bytes of a SavedModel with one graph (tensorflow/core/protobuf/saved_model.proto, framework/graph.proto). */
export class GraphBuilder {
  readonly #graph = new ProtobufWriter();
  readonly #constants = new Map<string, GraphValue>();
  readonly #binding: TensorflowBinding;
  #nodes = 0;

  constructor(binding: TensorflowBinding) {
    this.#binding = binding;
  }

  placeholder(input: GraphInput): GraphValue {
    const attributes = new ProtobufWriter()
      .entry(5, 'dtype', new ProtobufWriter().integer(6, input.dtype))
      .entry(5, 'shape', new ProtobufWriter().message(7, shapeMessage(input.shape)));
    return this.#node('Placeholder', [], attributes);
  }

  /** Equal small constants become one node. */
  constant(value: GraphConstant): GraphValue {
    const key = value.bytes.length <= 64 ? `${value.dtype}/${value.shape.join()}/${value.bytes.join()}` : null;
    const found = key === null ? undefined : this.#constants.get(key);
    if (found !== undefined) return found;
    const tensor = new ProtobufWriter()
      .integer(1, value.dtype)
      .message(2, shapeMessage(value.shape))
      .bytes(4, value.bytes);
    const attributes = new ProtobufWriter()
      .entry(5, 'dtype', new ProtobufWriter().integer(6, value.dtype))
      .entry(5, 'value', new ProtobufWriter().message(8, tensor));
    const name = this.#node('Const', [], attributes);
    if (key !== null) this.#constants.set(key, name);
    return name;
  }

  /** @throws AppError `unsupported` for an attribute that cannot be written down. */
  operation(name: string, inputs: readonly GraphValue[], attributes: readonly OpAttribute[]): GraphValue {
    const writer = new ProtobufWriter();
    for (const attribute of attributes) writer.entry(5, attribute.name, this.#attribute(name, attribute));
    return this.#node(name, inputs, writer);
  }

  /** The bytes of `saved_model.pb`, with the tag `serve`. */
  finish(): Uint8Array {
    const producer = 1000; // Any version after the newest change of the graph format.
    this.#graph.message(4, new ProtobufWriter().integer(1, producer));
    const meta = new ProtobufWriter().message(1, new ProtobufWriter().text(4, 'serve')).message(2, this.#graph);
    return new ProtobufWriter().integer(1, 1).message(2, meta).finish();
  }

  #node(operation: string, inputs: readonly GraphValue[], attributes: ProtobufWriter): GraphValue {
    const name = `n${this.#nodes++}`;
    const node = new ProtobufWriter().text(1, name).text(2, operation);
    for (const input of inputs) node.text(3, input);
    const head = node.finish();
    const tail = attributes.finish();
    const bytes = new Uint8Array(head.length + tail.length);
    bytes.set(head);
    bytes.set(tail, head.length);
    this.#graph.bytes(1, bytes);
    return name;
  }

  #attribute(operation: string, { name, type, value }: OpAttribute): ProtobufWriter {
    const writer = new ProtobufWriter();
    if (type === this.#binding.TF_ATTR_SHAPE) return writer.message(7, shapeMessage(value as number[]));
    if (Array.isArray(value)) {
      const list = new ProtobufWriter();
      for (const element of value) this.#scalar(list, operation, name, type, element);
      return writer.message(1, list);
    }
    return this.#scalar(writer, operation, name, type, value);
  }

  /** A value's field has the same number alone and in a list. */
  #scalar(writer: ProtobufWriter, operation: string, name: string, type: number, value: unknown): ProtobufWriter {
    const binding = this.#binding;
    if (type === binding.TF_ATTR_STRING && typeof value === 'string') return writer.text(2, value);
    if (typeof value === 'number' || typeof value === 'boolean') {
      if (type === binding.TF_ATTR_INT) return writer.integer(3, Number(value));
      if (type === binding.TF_ATTR_FLOAT) return writer.float(4, Number(value));
      if (type === binding.TF_ATTR_BOOL) return writer.integer(5, Number(value));
      if (type === binding.TF_ATTR_TYPE) return writer.integer(6, Number(value));
    }
    throw new AppError('unsupported', `the attribute ${name} of ${operation} cannot be written into a graph`);
  }
}

function shapeMessage(shape: readonly number[]): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const extent of shape) writer.message(2, new ProtobufWriter().integer(1, extent));
  return writer;
}
