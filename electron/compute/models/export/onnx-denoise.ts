import { embeddingChannels, MEDIAN_EXCHANGES, MEDIAN_PLACE, NOWHERE, WINDOW, outsideOfWindows } from '../denoise.ts';
import type { Layer } from '../layer.ts';

/** A whole number, a decimal, or a list of whole numbers. */
export type Attribute = number | { readonly decimal: number } | readonly number[];
export type Attributes = Readonly<Record<string, Attribute>>;

/** What a graph under construction takes: nodes and constants, each of which is known by its output's name. */
export interface NodeWriter {
  readonly node: (type: string, inputs: readonly string[], output: string, attributes?: Attributes) => string;
  readonly integers: (name: string, values: readonly number[]) => string;
  readonly floats: (name: string, shape: readonly number[], values: readonly number[]) => string;
}

type Denoise = Extract<Layer, { readonly kind: 'denoise' }>;

/**
 * The nodes of `denoise` (see denoise.ts) on activations [batch, channels, height, width].
 * @param inputs names of the features and, for methods that have them, of θ and φ
 * @returns the name of the output.
 */
export function denoiseNodes(layer: Denoise, inputs: readonly string[], output: string, graph: NodeWriter): string {
  const [x = '', theta = '', phi = ''] = inputs;
  switch (layer.method) {
    case 'non-local-softmax':
      return nonLocalSoftmax(layer, [x, theta, phi], output, graph);
    case 'non-local-dot':
      return nonLocalDot(layer, x, output, graph);
    case 'bilateral':
      return bilateral(layer, [x, theta, phi], output, graph);
    case 'mean': {
      const attributes = { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], count_include_pad: 0 };
      return graph.node('AveragePool', [x], output, attributes);
    }
    case 'median':
      return median(layer, x, output, graph);
  }
}

function nonLocalSoftmax(
  { output: extents, name }: Denoise,
  [x, theta, phi]: readonly [string, string, string],
  output: string,
  graph: NodeWriter,
): string {
  const flat = flattener(name, graph);
  const rows = graph.node('Transpose', [flat(theta, 'theta')], `${name}_rows`, { perm: [0, 2, 1] });
  const products = graph.node('MatMul', [rows, flat(phi, 'phi')], `${name}_products`);
  const factor = graph.floats(`${name}_factor`, [], [1 / Math.sqrt(embeddingChannels(extents[2]))]);
  const scores = graph.node('Mul', [products, factor], `${name}_scores`);
  const weights = graph.node('Softmax', [scores], `${name}_weights`, { axis: 2 });
  const columns = graph.node('Transpose', [weights], `${name}_columns`, { perm: [0, 2, 1] });
  return unflatten(extents, graph.node('MatMul', [flat(x, 'x'), columns], `${name}_sums`), output, name, graph);
}

function nonLocalDot({ output: extents, name }: Denoise, x: string, output: string, graph: NodeWriter): string {
  const rows = flattener(name, graph)(x, 'x');
  const turned = graph.node('Transpose', [rows], `${name}_turned`, { perm: [0, 2, 1] });
  const products = graph.node('MatMul', [rows, turned], `${name}_products`);
  const share = graph.floats(`${name}_share`, [], [1 / (extents[0] * extents[1])]);
  const weights = graph.node('Mul', [products, share], `${name}_weights`);
  return unflatten(extents, graph.node('MatMul', [weights, rows], `${name}_sums`), output, name, graph);
}

function bilateral(
  { output: [height, width, channels], name }: Denoise,
  [x, theta, phi]: readonly [string, string, string],
  output: string,
  graph: NodeWriter,
): string {
  const axis = graph.integers(`${name}_axis`, [1]);
  const scores = shifted(phi, `${name}_phi`, [height, width], false, graph).map((part, at) => {
    const product = graph.node('Mul', [theta, part], `${name}_product${at}`);
    return graph.node('ReduceSum', [product, axis], `${name}_score${at}`, { keepdims: 1 });
  });
  const together = graph.node('Concat', scores, `${name}_scores`, { axis: 1 });
  const factor = graph.floats(`${name}_factor`, [], [1 / Math.sqrt(embeddingChannels(channels))]);
  const scaled = graph.node('Mul', [together, factor], `${name}_scaled`);
  const outside = outsideOfWindows(height, width, NOWHERE);
  const planes = WINDOW.flatMap((_, place) =>
    Array.from({ length: height * width }, (__, at) => outside[at * WINDOW.length + place] ?? 0),
  );
  const mask = graph.floats(`${name}_outside`, [1, WINDOW.length, height, width], planes);
  const weights = graph.node('Softmax', [graph.node('Add', [scaled, mask], `${name}_masked`)], `${name}_weights`, {
    axis: 1,
  });
  const parts = shifted(x, `${name}_x`, [height, width], false, graph).map((part, at) => {
    const bounds = [[at], [at + 1], [1]].map((values, index) => graph.integers(`${name}_cut${at}_${index}`, values));
    const weight = graph.node('Slice', [weights, ...bounds], `${name}_weight${at}`);
    return graph.node('Mul', [part, weight], `${name}_part${at}`);
  });
  return graph.node('Sum', parts, output);
}

function median({ output: [height, width], name }: Denoise, x: string, output: string, graph: NodeWriter): string {
  const values = shifted(x, name, [height, width], true, graph);
  MEDIAN_EXCHANGES.forEach(([low, high], at) => {
    const pair = [values[low] ?? '', values[high] ?? ''];
    values[low] = graph.node('Min', pair, `${name}_low${at}`);
    values[high] = graph.node('Max', pair, `${name}_high${at}`);
  });
  return graph.node('Identity', [values[MEDIAN_PLACE] ?? ''], output);
}

/** The images as each place of a window of 3×3 sees them; beyond the border zeros, or the border repeated. */
function shifted(
  x: string,
  name: string,
  [height, width]: readonly [number, number],
  repeated: boolean,
  graph: NodeWriter,
): string[] {
  const rows = repeated ? around(x, name, 2, height, graph) : null;
  const bordered = rows
    ? around(rows, name, 3, width, graph)
    : graph.node('Pad', [x, graph.integers(`${name}_pads`, [0, 0, 1, 1, 0, 0, 1, 1])], `${name}_bordered`);
  const axes = graph.integers(`${name}_axes`, [2, 3]);
  return WINDOW.map(([row, column], at) => {
    const start = graph.integers(`${name}_start${at}`, [row, column]);
    const end = graph.integers(`${name}_end${at}`, [row + height, column + width]);
    return graph.node('Slice', [bordered, start, end, axes], `${name}_shift${at}`);
  });
}

/** The first and the last line of an axis once more outside of it. */
function around(x: string, name: string, axis: number, extent: number, graph: NodeWriter): string {
  const [first, last] = [0, extent - 1].map((at) => {
    const bounds = [[at], [at + 1], [axis]].map((values, index) =>
      graph.integers(`${name}_line${axis}_${at}_${index}`, values),
    );
    return graph.node('Slice', [x, ...bounds], `${name}_border${axis}_${at === 0 ? 'first' : 'last'}`);
  });
  return graph.node('Concat', [first ?? '', x, last ?? ''], `${name}_around${axis}`, { axis });
}

/** [batch, channels, height, width] → [batch, channels, positions]. */
function flattener(name: string, graph: NodeWriter): (value: string, part: string) => string {
  const shape = graph.integers(`${name}_flat`, [0, 0, -1]);
  return (value, part) => graph.node('Reshape', [value, shape], `${name}_${part}`);
}

function unflatten(
  [height, width]: readonly [number, number, number],
  value: string,
  output: string,
  name: string,
  graph: NodeWriter,
): string {
  return graph.node('Reshape', [value, graph.integers(`${name}_extents`, [0, 0, height, width])], output);
}
