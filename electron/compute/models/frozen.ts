import * as tf from '@tensorflow/tfjs-core';
import { parametersOf, weight, type Layer, type Network, type Weights } from './layer.ts';

/** As PyTorch's. */
export const NORM_EPSILON = 1e-5;

/**
 * The network without batch normalisation, for weights of {@link frozenWeights}: what it computes with moving statistics
 * is an affine map, and becomes filter and bias of the convolution before it, or a layer of the kind `affine` where no
 * convolution stands before it alone. The network itself if it has none.
 */
export function frozenNetwork(network: Network): Network {
  const { folded, kept } = normsOf(network);
  if (folded.size + kept.length === 0) return network.frozen ? network : { ...network, frozen: true };
  const replaced = new Map([...folded].map(([convolution, norm]) => [norm.name, convolution]));
  const source = (name: string): string => replaced.get(name) ?? name;
  const layers = network.layers.flatMap((layer): Layer[] => {
    if (replaced.has(layer.name)) return [];
    const inputs = layer.inputs.map(source);
    if (layer.kind === 'norm') {
      const { name, stage, relu, output } = layer;
      return [{ kind: 'affine', name, stage, inputs, relu, output }];
    }
    const norm = folded.get(layer.name);
    if ((layer.kind !== 'conv' && layer.kind !== 'depthwise') || !norm) return [{ ...layer, inputs }];
    return [{ ...layer, inputs, bias: true, relu: norm.relu }];
  });
  return {
    ...network,
    frozen: true,
    layers,
    parameters: layers.flatMap((layer) => parametersOf(layer, network.held)),
    taps: network.taps.map((tap) => ({ ...tap, layer: source(tap.layer) })),
  };
}

/**
 * The weights of {@link frozenNetwork}: filter · γ/σ and β + (b − μ) · γ/σ with the moving statistics μ and σ² and the
 * convolution's bias b (Jacob et al. 2018, arXiv 1712.05877, section 3.2). A pure function of tensors; call it inside a
 * `tidy`. Tensors that stay as they are are shared, all of them if there is no batch normalisation.
 * @param network the one that the weights belong to, not yet frozen
 */
export function frozenWeights(network: Network, weights: Weights): Weights {
  const { folded, kept } = normsOf(network);
  if (folded.size + kept.length === 0) return weights;
  const affine = (name: string): readonly [scale: tf.Tensor, shift: tf.Tensor] => {
    const deviation = tf.sqrt(tf.add(weight(weights, `${name}_variance`), NORM_EPSILON));
    const scale = tf.div(weight(weights, `${name}_gamma`), deviation);
    return [scale, tf.sub(weight(weights, `${name}_beta`), tf.mul(weight(weights, `${name}_mean`), scale))];
  };
  const biased = new Map(network.layers.map((layer) => [layer.name, 'bias' in layer && layer.bias]));
  const depthwise = new Set(network.layers.flatMap(({ kind, name }) => (kind === 'depthwise' ? [name] : [])));
  const intoConvolutions = [...folded].flatMap(([convolution, { name }]): [string, tf.Tensor][] => {
    const [scale, shift] = affine(name);
    const bias = biased.get(convolution) ? tf.mul(weight(weights, `${convolution}_b`), scale) : null;
    const columns = depthwise.has(convolution) ? tf.reshape(scale, [-1, 1]) : scale;
    return [
      [`${convolution}_w`, tf.mul(weight(weights, `${convolution}_w`), columns)],
      [`${convolution}_b`, bias ? tf.add(shift, bias) : shift],
    ];
  });
  const alone = kept.flatMap(({ name }): [string, tf.Tensor][] => {
    const [scale, shift] = affine(name);
    return [
      [`${name}_scale`, scale],
      [`${name}_shift`, shift],
    ];
  });
  const made = new Map([...intoConvolutions, ...alone]);
  return Object.fromEntries(
    frozenNetwork(network).parameters.map(({ name }) => [name, made.get(name) ?? weight(weights, name)]),
  );
}

/** Network and weights for attacks and maps. Takes the weights over; the caller disposes of those it gets. */
export function freeze(network: Network, weights: Weights): { readonly network: Network; readonly weights: Weights } {
  const frozen = tf.tidy(() => frozenWeights(network, weights));
  const kept = new Set(Object.values(frozen));
  tf.dispose(Object.values(weights).filter((tensor) => !kept.has(tensor)));
  return { network: frozenNetwork(network), weights: frozen };
}

type Norm = Extract<Layer, { readonly kind: 'norm' }>;

/** By name of a convolution that no other layer takes, the normalisation behind it; and the other normalisations. */
function normsOf({ layers, taps }: Network): {
  readonly folded: ReadonlyMap<string, Norm>;
  readonly kept: readonly Norm[];
} {
  const uses = new Map<string, number>();
  for (const name of layers.flatMap((layer) => layer.inputs)) uses.set(name, (uses.get(name) ?? 0) + 1);
  const linear = new Set(
    layers.flatMap((layer) => {
      const foldable = (layer.kind === 'conv' || layer.kind === 'depthwise') && !layer.relu;
      const free = uses.get(layer.name) === 1 && !taps.some((tap) => tap.layer === layer.name);
      return foldable && free ? [layer.name] : [];
    }),
  );
  const norms = layers.filter((layer) => layer.kind === 'norm');
  const isFolded = ({ inputs }: Norm): boolean => linear.has(inputs[0] ?? '');
  return {
    folded: new Map(norms.filter(isFolded).map((norm) => [norm.inputs[0] ?? '', norm])),
    kept: norms.filter((norm) => !isFolded(norm)),
  };
}
