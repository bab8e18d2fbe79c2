import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { packFolder } from '../../services/engine-pack/state.ts';
import { crossEntropyFromLogits } from '../losses.ts';
import { buildNetwork, forward, initialWeights, weightList, weightsFromList } from '../models/network.ts';
import { compileStep } from './compile.ts';
import { loadEngine } from './load.ts';

it('in deterministic mode a compiled step gives the same bits in its first run and in every later one', async ({
  skip,
}) => {
  if (!existsSync(join(packFolder(), 'tfjs_binding.node'))) skip('the tensorflow engine pack is not installed');
  const { info } = await loadEngine('tensorflow', { enginePack: packFolder(), deterministic: true });
  expect(info).toMatchObject({ threads: 1, deterministic: true });
  const network = buildNetwork('small-cnn', [28, 28, 1], 10);
  const makeStep = () =>
    compileStep(
      (...inputs) => {
        const [x, y, ...weights] = inputs as [tf.Tensor4D, tf.Tensor1D, ...tf.Tensor[]];
        return tf.grads((...list: tf.Tensor[]) =>
          tf.sum(crossEntropyFromLogits(forward(network, weightsFromList(network, list), x).logits, y)),
        )(weights);
      },
      { name: 'test' },
    );
  const inputs = [
    tf.randomUniform([64, 28, 28, 1], 0, 1, 'float32', 1),
    tf.randomUniform([64], 0, 10, 'int32', 2),
    ...weightList(network, initialWeights(network, 3)),
  ];
  const [used, fresh] = [makeStep(), makeStep()];
  const bits = (step: typeof used): Uint32Array[] =>
    step.run(...inputs).map((tensor) => new Uint32Array(tensor.dataSync<'float32'>().slice().buffer));
  const first = bits(used);
  for (let run = 0; run < 5; run++) expect(bits(used)).toEqual(first);
  expect(bits(fresh)).toEqual(first);
  expect(used.note).toBeNull();
});
