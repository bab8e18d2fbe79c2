import * as tf from '@tensorflow/tfjs-core';
import { parametersOf, weight, type Layer, type Network, type Weights } from './layer.ts';

/** As PyTorch's. */
export const NORM_EPSILON = 1e-5;

/**
 * The network without batch normalisation, for weights of {@link frozenWeights}: what it computes with moving statistics
 * is an affine map, and becomes filter and bias of the convolution before it. The network itself if it has none.
 */
export function frozenNetwork(network: Network): Network {
  const norms = normsByConvolution(network);
  if (norms.size === 0) return network.frozen ? network : { ...network, frozen: true };
  const replaced = new Map([...norms].map(([convolution, norm]) => [norm.name, convolution]));
  const source = (name: string): string => replaced.get(name) ?? name;
  const layers = network.layers.flatMap((layer): Layer[] => {
    if (replaced.has(layer.name)) return [];
    const inputs = layer.inputs.map(source);
    const norm = norms.get(layer.name);
    if (layer.kind !== 'conv' || !norm) return [{ ...layer, inputs }];
    return [{ ...layer, inputs, bias: true, relu: norm.relu }];
  });
  return {
    ...network,
    frozen: true,
    layers,
    parameters: layers.flatMap(parametersOf),
    taps: network.taps.map((tap) => ({ ...tap, layer: source(tap.layer) })),
  };
}

/**
 * The weights of {@link frozenNetwork}: filter · γ/σ and β − μ · γ/σ with the moving statistics μ and σ² (Jacob et al.
 * 2018, arXiv 1712.05877, section 3.2). A pure function of tensors; call it inside a `tidy`. Tensors that stay as they
 * are are shared, all of them if there is no batch normalisation.
 * @param network the one that the weights belong to, not yet frozen
 */
export function frozenWeights(network: Network, weights: Weights): Weights {
  const norms = normsByConvolution(network);
  if (norms.size === 0) return weights;
  const folded = [...norms].flatMap(([convolution, { name }]): [string, tf.Tensor][] => {
    const deviation = tf.sqrt(tf.add(weight(weights, `${name}_variance`), NORM_EPSILON));
    const scale = tf.div(weight(weights, `${name}_gamma`), deviation);
    const shift = tf.sub(weight(weights, `${name}_beta`), tf.mul(weight(weights, `${name}_mean`), scale));
    return [
      [`${convolution}_w`, tf.mul(weight(weights, `${convolution}_w`), scale)],
      [`${convolution}_b`, shift],
    ];
  });
  const made = new Map(folded);
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

/** By name of a convolution, the normalisation that takes its output. Every normalisation has such a convolution. */
function normsByConvolution({ layers }: Network): ReadonlyMap<string, Norm> {
  return new Map(layers.flatMap((layer) => (layer.kind === 'norm' ? [[layer.inputs[0] ?? '', layer] as const] : [])));
}
