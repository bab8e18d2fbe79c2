import { z } from 'zod';
import type { SettingValues } from '../../../shared/domain/settings.ts';
import type { InnerAttack } from './defence.ts';

/** A setting that says over which share of the run a term's weight rises from 0. */
const warmup = (term: string): z.ZodDefault<z.ZodNumber> =>
  z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .meta({
      label: `${term} warm-up`,
      unit: 'of the steps',
      help: 'The weight rises linearly over this share of the steps. 0: it has its full size from the start.',
      advanced: true,
    });

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

export const pairingWarmup = warmup('λ');

export const pixelNoise = z.number().min(0).max(2).default(0.5).meta({
  label: 'Gaussian noise σ',
  unit: 'of [0, 1]',
  help: 'Training images get noise of this deviation, drawn anew each epoch, and are cut to [0, 1]. 0: none.',
});

/** ε of defences that make adversarial examples. */
export const attackEpsilon = epsilon.meta({ label: 'ε', help: 'Size of the perturbation in L∞, of pixels in [0, 1].' });

/** Settings of the attack inside adversarial training. */
export const innerAttackShape = {
  epsilon: attackEpsilon,
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

/** The same for attacks that start at x plus a little normal noise, whatever ε is. */
export const noiseStartShape = {
  epsilon: innerAttackShape.epsilon,
  attackSteps: innerAttackShape.attackSteps,
  attackStepSize: innerAttackShape.attackStepSize,
  startNoise: z
    .number()
    .positive()
    .max(1)
    .default(0.001)
    .meta({ label: 'Start noise σ', unit: 'of [0, 1]', help: 'Start from x plus normal noise.', advanced: true }),
};

/** Steps of 2/255, as Madry et al. 2018 take on CIFAR-10. */
const PHOTOGRAPH_STEPS = { attackStepSize: 2 / 255 };

/**
 * What to start from where that differs from the defaults: on grey digits ε 0.3 (MNIST), on photographs 8/255 (CIFAR-10).
 * @param digits further settings, likewise `photographs`
 */
export function recommendedFor(
  digits: SettingValues = {},
  photographs: SettingValues = PHOTOGRAPH_STEPS,
): { readonly digits: SettingValues; readonly photographs: SettingValues } {
  return { digits: { epsilon: 0.3, ...digits }, photographs: { epsilon: 8 / 255, ...photographs } };
}

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
  alphaWarmup: warmup('α'),
  reduction: z.enum(['mean', 'sum']).default('mean').meta({
    label: 'Over classes',
    help: 'Mean as in the authors’ code; a sum is as many times stronger as there are classes.',
    advanced: true,
  }),
};

export const attentionShape = {
  beta: z.number().min(0).max(1000).default(1).meta({ label: 'β attention pairing', help: 'For each layer.' }),
  betaWarmup: warmup('β'),
  exponent: z.number().min(1).max(8).default(2).meta({
    label: 'Map exponent q',
    help: 'The map is Σ |A|^q over the channels: the higher, the more the strongest channels count.',
    advanced: true,
  }),
  layers: z
    .array(z.string())
    .default([])
    .meta({ label: 'Layers', help: 'Empty for all.', options: 'layers', advanced: true }),
  layerReduction: z.enum(['sum', 'mean']).default('sum').meta({
    label: 'Over layers',
    help: 'A sum, so that β is for each layer, or their mean.',
    advanced: true,
  }),
  distance: z.enum(['l2', 'mean-square', 'cosine']).default('l2').meta({
    label: 'Map distance',
    help: 'Of maps of length 1: the L2 norm of their difference; the mean square over positions, as the code of attention transfer has it (β 1000 belongs to it); or 1 − cosine.',
    advanced: true,
  }),
};

/** Weight of a divergence between predictions. */
export const divergenceShape = (
  symbol: 'β' | 'λ',
  standard: number,
): { beta: z.ZodDefault<z.ZodNumber>; betaWarmup: z.ZodDefault<z.ZodNumber> } => ({
  beta: z
    .number()
    .min(0)
    .max(1000)
    .default(standard)
    .meta({
      label: `${symbol} divergence`,
      help: 'The higher, the more robust and the less accurate on clean images.',
    }),
  betaWarmup: warmup(symbol),
});

/**
 * Settings that came after the first runs had been made, each with the value that leaves a defence as it was before it
 * had the setting.
 */
const LATER: SettingValues = {
  awp: 0,
  awpWarmup: 0,
  alphaWarmup: 0,
  betaWarmup: 0,
  lambdaWarmup: 0,
  layerReduction: 'sum',
  distance: 'l2',
};

/** What of a defence's settings decides the numbers of a run: the same for runs from before a setting there was. */
export function decisiveSettings(settings: SettingValues): SettingValues {
  return Object.fromEntries(Object.entries(settings).filter(([key, value]) => !(key in LATER) || LATER[key] !== value));
}
