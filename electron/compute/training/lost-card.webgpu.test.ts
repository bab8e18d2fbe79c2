import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { trainConfig } from '../../../shared/domain/training.ts';
import { openPacked } from '../data/packed.ts';
import { loadEngine } from '../engines/load.ts';
import { missingAdapter } from '../engines/missing-adapter.ts';
import { BARS_ID, writeBars } from '../fixtures/bars.ts';
import { createControl } from '../jobs/control.ts';
import { train } from './train.ts';

it('a card that disappears during a training ends it with an error, and the last checkpoint is kept', async ({
  skip,
}) => {
  const missing = await missingAdapter();
  if (missing !== null) skip(missing);
  await loadEngine('webgpu', { enginePack: null, deterministic: false });
  const scratch = await mkdtemp(join(tmpdir(), 'pairlight-lost-'));
  await writeBars(join(scratch, 'data'));
  const dataset = await openPacked(join(scratch, 'data'));
  const saved: number[] = [];
  const { context } = createControl((message) => {
    if (message.type !== 'checkpoint') return;
    saved.push(message.step);
    (tf.backend() as unknown as { readonly device: GPUDevice }).device.destroy();
  });
  const config = trainConfig.parse({
    dataset: BARS_ID,
    architecture: 'small-cnn',
    defence: 'natural',
    trainer: { epochs: 2, batchSize: 4, checkpointEvery: 3, validationEvery: 1 },
    engine: 'webgpu',
  });
  const training = train({ config, dataset, folder: scratch, resume: false, context });
  await expect(training).rejects.toMatchObject({ code: 'engine-failed' });
  expect(saved).toEqual([3]);
  expect(await readdir(join(scratch, 'checkpoints'))).toEqual([expect.stringMatching(/3\.npz$/)]);
  dataset.close();
  await rm(scratch, { recursive: true });
});
