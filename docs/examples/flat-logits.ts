import type * as tfjs from '@tensorflow/tfjs-core';
import type { ModuleFactory } from '../../electron/compute/modules/api.ts';

/** A defence with a term of its own in the loss, and an attack whose loss that term cannot flatten. */
const module: ModuleFactory = ({ tf, z, adaptiveAttack, defineDefence, losses, training }) => {
  /** The variance of each row over the classes, [n, classes] → [n]. */
  const spread = (logits: tfjs.Tensor2D): tfjs.Tensor =>
    tf.mean(tf.square(tf.sub(logits, tf.mean(logits, 1, true))), 1);

  const flatLogits = defineDefence({
    name: 'flat-logits',
    label: 'Flat logits',
    summary: 'Adversarial training with a penalty on the variance of the logits of x′.',
    source: 'an example of a module; the penalty is of the kind of logit squeezing, Kannan et al. 2018',
    adversarial: true,
    schema: z.strictObject({
      ...training.innerAttackShape,
      lambda: z.number().min(0).max(1000).default(0.5).meta({ label: 'λ variance of logits' }),
    }),
    configure: ({ lambda, ...inner }) => ({
      // The halves of the batch that the loss uses: x, x′ or both.
      halves: 'adversarial',
      inner: training.innerAttack(inner),
      epsilon: inner.epsilon,
      taps: training.noTaps,
      terms: ['adversarial', 'flatness'],
      loss: ({ adversarial, labels, labelSmoothing }) => ({
        adversarial: tf.mean(losses.crossEntropy(adversarial.logits, labels, labelSmoothing)),
        flatness: tf.mul(lambda, tf.mean(spread(adversarial.logits))),
      }),
    }),
  });

  const flatPgd = adaptiveAttack({
    name: 'flat-pgd',
    label: 'Flat-PGD',
    summary: 'PGD on the margin between label and strongest other class, in deviations of the logits.',
    source: 'adaptive attacks: Tramèr et al. 2020, arXiv 2002.08347; margin: Carlini & Wagner 2017, arXiv 1608.04644',
    help: 'Against defences that make logits small or large. Scale and offset of the logits do not change its loss.',
    // Raised, where labels are the classes to leave; lowered, where the goal is a class.
    loss: ({ logits }, labels) => tf.div(losses.margin(logits, labels), tf.sqrt(tf.add(spread(logits), 1e-24))),
  });

  return { attacks: [flatPgd], defences: [flatLogits] };
};

export default module;
