import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { testLayerKernels } from './kernel-suite.ts';
import { registerKernels } from './register.ts';

describe('composed kernels on the plain cpu backend', () => {
  beforeAll(async () => {
    registerKernels('cpu');
    await tf.setBackend('cpu');
  });
  it('are the ones that are tested here', () => {
    expect(tf.getBackend()).toBe('cpu');
  });
  testLayerKernels();
});
