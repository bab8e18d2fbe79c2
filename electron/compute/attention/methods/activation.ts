import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { activationMap } from '../activation-map.ts';
import { defineMap } from './method.ts';

/** Where a layer is active at all, whatever the class. */
export const activation = defineMap({
  name: 'activation',
  label: 'Activation',
  summary: 'Where the layer is active, whatever the class: what attention pairing holds still.',
  source: 'Zagoruyko & Komodakis 2017, arXiv 1612.03928, section 3.1',
  level: 'layer',
  signed: false,
  explains: false,
  schema: z.strictObject({
    over: z.enum(['sum', 'mean', 'max']).default('sum').meta({
      label: 'Over channels',
      help: 'Sum, mean or maximum of |A|^q.',
    }),
    exponent: z
      .number()
      .min(1, 'must be at least 1')
      .max(8, 'must be at most 8')
      .default(2)
      .meta({ label: 'Exponent q', help: 'Higher ones look at the strongest channels.' }),
  }),
  passes: () => 0,
  make: ({ activation: given }, { over, exponent }) =>
    Promise.resolve(
      tf.tidy(() => {
        if (over === 'max') return tf.max<tf.Tensor3D>(tf.pow(tf.abs(given), exponent), 3);
        const sum = activationMap(given, exponent);
        return over === 'sum' ? sum : tf.div<tf.Tensor3D>(sum, given.shape[3]);
      }),
    ),
});
