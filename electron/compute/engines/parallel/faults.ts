import { isMainThread } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs-core';
import { AppError } from '../../../../shared/domain/errors.ts';
import type { StepDefinition } from '../step.ts';

export type FaultKind = 'none' | 'throw' | 'exit' | 'hang' | 'leak';

/** How long the calling thread dawdles, so that the others get shards. */
const DAWDLE_MS = 100;

/** Doubles its input; in a worker thread it goes wrong as it is told to. For tests of the thread pool. */
export const FAULTS: StepDefinition<{ readonly kind: FaultKind }> = {
  name: 'faults',
  build:
    ({ kind }) =>
    (...inputs) => {
      const [x] = inputs as [tf.Tensor];
      if (isMainThread) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, DAWDLE_MS);
      else if (kind === 'throw') throw new AppError('non-finite', 'thrown in a thread');
      else if (kind === 'exit') process.exit(7);
      else if (kind === 'hang') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      else if (kind === 'leak') tf.keep(tf.clone(x));
      return [tf.mul(x, 2)];
    },
  layout: () => ({ inputs: ['rows'], outputs: ['rows'] }),
  describe: ({ kind }) => `fault ${kind}`,
};
