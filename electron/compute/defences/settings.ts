import { z } from 'zod';
import type { InnerAttack } from './defence.ts';

/** ε of a defence, in units of [0, 1] pixels. */
export const epsilon = z.number().min(0).max(1).default(0.25);

/** ε of defences that make no adversarial examples. */
export const validationEpsilon = epsilon.meta({
  label: 'Validation ε',
  help: 'Training makes no adversarial examples; this ε only measures on the held-out part.',
  advanced: true,
});

/** Weight of the logit term of defences without adversarial examples. */
export const pairingWeight = z.number().min(0).max(1000).default(0.5).meta({ label: 'λ logits' });

export const pixelNoise = z.number().min(0).max(2).default(0.5).meta({
  label: 'Gaussian noise σ',
  unit: 'of [0, 1]',
  help: 'Training images get noise of this deviation, drawn anew each epoch, and are cut to [0, 1]. 0: none.',
});

/** Settings of the attack inside adversarial training. */
export const innerAttackShape = {
  epsilon: epsilon.meta({ label: 'ε', help: 'Size of the perturbation in L∞, of pixels in [0, 1].' }),
  attackSteps: z
    .int()
    .min(1)
    .max(1000)
    .default(10)
    .meta({ label: 'Attack steps', help: 'Iterations of the inner PGD.' }),
  attackStepSize: z
    .number()
    .positive()
    .max(1)
    .nullable()
    .default(null)
    .meta({ label: 'Attack step size', help: 'Empty for ε/4.', advanced: true }),
  randomStart: z
    .boolean()
    .default(true)
    .meta({ label: 'Random start', help: 'Start from uniform noise in the ball.', advanced: true }),
};

interface InnerAttackSettings {
  readonly epsilon: number;
  readonly attackSteps: number;
  readonly attackStepSize: number | null;
  readonly randomStart: boolean;
}

export function innerAttack(settings: InnerAttackSettings): InnerAttack {
  return {
    epsilon: settings.epsilon,
    steps: settings.attackSteps,
    stepSize: settings.attackStepSize ?? settings.epsilon / 4,
    randomStart: settings.randomStart,
  };
}

export const shareShape = {
  share: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .meta({ label: 'Adversarial share', help: 'Weight of the adversarial cross-entropy; the clean one has the rest.' }),
};

export const logitShape = {
  alpha: z.number().min(0).max(1000).default(0.5).meta({ label: 'α logit pairing' }),
  reduction: z.enum(['mean', 'sum']).default('mean').meta({
    label: 'Over classes',
    help: 'Mean as in the authors’ code; a sum is as many times stronger as there are classes.',
    advanced: true,
  }),
};

export const attentionShape = {
  beta: z.number().min(0).max(1000).default(1).meta({ label: 'β attention pairing', help: 'For each layer.' }),
  exponent: z.number().min(1).max(8).default(2).meta({ label: 'Map exponent q', advanced: true }),
  layers: z
    .array(z.string())
    .default([])
    .meta({ label: 'Layers', help: 'Empty for all.', options: 'layers', advanced: true }),
};
