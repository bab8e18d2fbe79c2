import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { EngineName } from '../../../shared/domain/engine.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { trainConfig } from '../../../shared/domain/training.ts';
import { imageTensor } from '../attacks/base/batch.ts';
import { readExamples } from '../data/examples.ts';
import { findDefence } from '../defences/registry.ts';
import { channelStatistics } from '../data/statistics.ts';
import { BARS_ID } from '../fixtures/bars.ts';
import { withBars } from '../fixtures/bars-bench.ts';
import { createControl, type JobContext } from '../jobs/control.ts';
import { buildNetwork, forwardTraining, weightList, type Weights } from '../models/network.ts';
import { loadWeights } from '../models/weights.ts';
import { optimizerOf } from './optimizer.ts';
import { disposeState, initialState } from './state.ts';
import { createTrainStep } from './step.ts';
import { train, WEIGHTS_FILE } from './train.ts';

const ARCHITECTURE = 'cifar-resnet20';

/** Training of networks with batch normalisation. `missing` says why the engine is not here. */
export function testResidualTraining(engine: EngineName, enginePack: string | null, missing: string | null): void {
  describe(`training a residual network on ${engine}`, () => {
    const bars = withBars(engine, enginePack, missing);

    it.each([
      ['natural', 'clean'],
      ['at', 'adversarial'],
      ['m-pgd', 'both'],
    ] as const)('with %s moves the statistics a tenth towards those of the halves it trains on: %s', (name, halves) => {
      const { dataset } = bars();
      const network = buildNetwork(ARCHITECTURE, dataset.manifest.shape, 2);
      const optimizer = optimizerOf(trainConfig.shape.trainer.parse({ optimizer: 'sgd' }));
      const defence = findDefence(name).configure({});
      const step = createTrainStep({ network, defence, optimizer, labelSmoothing: 0 });
      const examples = readExamples(dataset, dataset.positions('train').slice(0, 8));
      const before = initialState(
        network,
        optimizer,
        4,
        () => channelStatistics(dataset, dataset.positions('train')),
        {},
      );
      const clean = imageTensor(examples.images, examples.shape);
      const adversarial: tf.Tensor4D = tf.tidy(() =>
        tf.clipByValue(tf.add<tf.Tensor4D>(tf.mul(clean, 0.5), 0.3), 0, 1),
      );
      const labels = tf.tensor1d(examples.labels, 'int32');
      const { state } = step.run(
        before,
        [{ images: clean, adversarial: name === 'natural' ? null : adversarial, labels }],
        { optimizer: optimizer.numbers(0.01, 0) },
      );
      const trainedOn = { clean, adversarial, both: tf.concat4d([clean, adversarial], 0) }[halves];
      const errors = tf.tidy(() => {
        const { statistics } = forwardTraining(network, before.weights, trainedOn);
        return Object.entries(statistics).map(([parameter, batch]) => {
          const wanted = tf.add(tf.mul(before.weights[parameter]!, 0.9), tf.mul(batch, 0.1));
          const error = tf.max(tf.abs(tf.sub(state.weights[parameter]!, wanted)));
          const moved = tf.max(tf.abs(tf.sub(state.weights[parameter]!, before.weights[parameter]!)));
          return [error.dataSync()[0]!, moved.dataSync()[0]!] as const;
        });
      });
      expect(errors).toHaveLength(38);
      for (const [error, moved] of errors) {
        expect(error).toBeLessThan(1e-5);
        expect(moved).toBeGreaterThan(1e-4);
      }
      step.dispose();
      disposeState(before);
      disposeState(state);
      tf.dispose([clean, adversarial, labels, trainedOn]);
    });

    it('interrupted and resumed gives the same weights and statistics to the last bit', async () => {
      const { dataset, scratch } = bars();
      const config = trainConfig.parse({
        dataset: BARS_ID,
        architecture: ARCHITECTURE,
        defence: 'at',
        defenceSettings: { attackSteps: 1, epsilon: 0.1 },
        trainer: {
          epochs: 2,
          batchSize: 16,
          trainLimit: 32,
          validationSteps: 2,
          validationEvery: 2,
          checkpointEvery: 2,
        },
        engine,
        deterministic: true,
      });
      const { context } = createControl(() => undefined);
      const run = async (folder: string, resume: boolean, own: JobContext): Promise<void> => {
        await train({ config, dataset, folder, resume, context: own });
      };
      const [whole, broken] = [await mkdtemp(join(scratch, 'whole-')), await mkdtemp(join(scratch, 'broken-'))];
      await run(whole, false, context);
      let turns = 0;
      const interrupting: JobContext = {
        ...context,
        checkpoint: async (save) => {
          turns += 1;
          if (turns < 3) return context.checkpoint(save);
          await save?.();
          throw new AppError('cancelled', 'Enough.');
        },
      };
      await expect(run(broken, false, interrupting)).rejects.toMatchObject({ code: 'cancelled' });
      await run(broken, true, context);
      const [first, second] = [await readFile(join(whole, WEIGHTS_FILE)), await readFile(join(broken, WEIGHTS_FILE))];
      expect(second.equals(first)).toBe(true);

      const network = buildNetwork(ARCHITECTURE, dataset.manifest.shape, 2);
      const weights: Weights = await loadWeights(network, join(whole, WEIGHTS_FILE));
      expect(weights['bn1_mean']!.dataSync().some((value) => Math.abs(value) > 1e-3)).toBe(true);
      tf.dispose(weightList(network, weights));
    });
  });
}
