import * as tf from '@tensorflow/tfjs-core';
import { shapeSize } from '../arrays/npy.ts';
import { stream } from '../random/stream.ts';
import { parametersOf, type Layer, type Network, type Weights } from './layer.ts';

/**
 * Fresh weights. Layers with bias: uniform in ±1/√(inputs of a unit), as LeCun et al. 1998 ("Efficient BackProp", section
 * 4.6) and PyTorch do. He's larger ones were tried there: after six epochs of adversarial training on the sample data
 * they left about ten points less accuracy under PGD. Convolutions with batch normalisation, and those without bias:
 * normal with deviation √(2 / (k² · out)) (He et al. 2015, arXiv 1502.01852, section 2.2, in the form for the backward
 * pass, which torchvision's networks take; of a depthwise one, out is 1), bias 0, γ 1 (0 where the plan says so), β 0,
 * moving mean 0 and variance 1. Images are not normalised yet where the network does so: mean 0, deviation 1.
 * The same seed gives the same weights on every engine. The caller disposes of them.
 */
export function initialWeights(network: Network, seed: number): Weights {
  const followed = new Set(network.layers.flatMap(({ kind, inputs }) => (kind === 'norm' ? inputs : [])));
  return Object.fromEntries(
    network.layers.flatMap((layer) =>
      parametersOf(layer, []).map(({ name, shape }) => {
        const values = new Float32Array(shapeSize(shape));
        fill(values, layer, name, seed, followed.has(layer.name));
        return [name, tf.tensor(values, [...shape], 'float32')];
      }),
    ),
  );
}

function fill(values: Float32Array, layer: Layer, name: string, seed: number, normalised: boolean): void {
  if (layer.kind === 'scale') {
    values.fill(name.endsWith('_deviation') ? 1 : 0);
  } else if (layer.kind === 'norm') {
    const gamma = layer.still ? 0 : 1;
    values.fill(name.endsWith('_gamma') ? gamma : name.endsWith('_variance') ? 1 : 0);
  } else if ((layer.kind === 'conv' || layer.kind === 'depthwise') && (normalised || !layer.bias)) {
    if (name.endsWith('_b')) return;
    const [height, width, , outputs] = layer.filter;
    const deviation =
      (layer.kind === 'conv' ? layer.deviation : undefined) ?? Math.sqrt(2 / (height * width * outputs));
    stream(seed, 'weights', name).fillNormal(values, 0, values.length, 0, deviation);
  } else {
    const inputs =
      layer.kind === 'conv' ? shapeSize(layer.filter.slice(0, 3)) : layer.kind === 'dense' ? layer.features : 1;
    const bound = 1 / Math.sqrt(inputs);
    stream(seed, 'weights', name).fillUniform(values, 0, values.length, -bound, bound);
  }
}
