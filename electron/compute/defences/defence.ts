import type * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { AppError } from '../../../shared/domain/errors.ts';
import { parseSettings, type SettingValues } from '../../../shared/domain/settings.ts';
import { weightPerturbationShape } from './weight-perturbation.ts';

/** What a network makes of one half of the batch. */
export interface Outputs {
  /** [batch, classes] */
  readonly logits: tf.Tensor2D;
  /** The layers that the defence asked for, each [batch, height, width, channels]. */
  readonly activations: Readonly<Record<string, tf.Tensor4D>>;
}

export interface LossInputs {
  readonly clean: Outputs;
  /** On x', a constant of the step; on x itself for defences that make no x'. */
  readonly adversarial: Outputs;
  /** int32 [batch] */
  readonly labels: tf.Tensor1D;
  readonly labelSmoothing: number;
}

/** How x' is made while training: PGD in L∞ (Madry et al. 2018). Lengths are in units of [0, 1] pixels. */
export interface InnerAttack {
  readonly epsilon: number;
  readonly steps: number;
  readonly stepSize: number;
  /** Starts at x plus uniform noise in the ball. */
  readonly randomStart: boolean;
  /** Starts at x plus normal noise of this deviation instead, cut to the ball and to [0, 1]. */
  readonly startNoise?: number;
  /**
   * What the iterations climb: the cross-entropy of the label (left out), or KL(p(x) ‖ p(x')), whose gradient is 0 at x
   * itself (Zhang et al. 2019, arXiv 1901.08573, algorithm 1).
   */
  readonly objective?: 'cross-entropy' | 'divergence';
}

/** x' of one perturbation that lives on from step to step (Shafahi et al. 2019, arXiv 1904.12843, algorithm 1). */
export interface Replay {
  /** Radius of the perturbation, which moves by a whole ε each step. */
  readonly epsilon: number;
  /** Steps that each minibatch is used for, one after the other. */
  readonly times: number;
}

/** Adversarial weight perturbation (Wu et al. 2020, arXiv 2004.05884, eq. 8 and 9). */
export interface WeightPerturbation {
  /** Size of a layer's perturbation relative to its weights. */
  readonly gamma: number;
  /** Share of all steps over which γ rises to its full size. */
  readonly warmup: number;
}

/** Watches single-step training for catastrophic overfitting. */
export interface OverfittingGuard {
  /** Steps between two probes. */
  readonly every: number;
  /** Steps of the probe's PGD. */
  readonly attackSteps: number;
}

/**
 * Which halves of the batch the loss uses. Those go through the network in one concatenated pass; the accuracy on a
 * half that it does not use is measured now and then, in a pass without gradient.
 */
export type Halves = 'clean' | 'adversarial' | 'both';

/** A defence with its settings filled in. */
export interface ConfiguredDefence {
  readonly name: string;
  readonly settings: SettingValues;
  readonly halves: Halves;
  /** null for defences without adversarial examples, and for those that {@link replay} makes. */
  readonly inner: InnerAttack | null;
  readonly replay?: Replay;
  /** Runs of the library on which x' is made too, by turns with the network itself. */
  readonly members?: readonly string[];
  readonly guard?: OverfittingGuard;
  readonly weightPerturbation?: WeightPerturbation;
  /** ε at which the held-out part is attacked. */
  readonly epsilon: number;
  /** How many examples the loss needs at once: 2 where it pairs images with each other; 1 if left out. */
  readonly smallestBatch?: number;
  /** Deviation of Gaussian noise on the training images, which stay in [0, 1]; left out: none. */
  readonly noise?: number;
  /** Layers whose activations the loss wants, of those that the network has. @throws AppError `invalid-input`. */
  taps(available: readonly string[]): readonly string[];
  /** Names of the loss's terms. */
  readonly terms: readonly string[];
  /** Share of all steps over which a term's weight rises from 0 to its full size; terms left out have that from the start. */
  readonly warmups?: Readonly<Record<string, number>>;
  /** The terms of the loss by name, already weighted: their sum is what is minimised. Scalars of the caller. */
  loss(inputs: LossInputs): Readonly<Record<string, tf.Tensor>>;
}

/** A defence with parts of it switched off. */
export interface Ablation {
  /** `no-attention` */
  readonly name: string;
  readonly label: string;
  /** In place of the settings of the defence. */
  readonly settings: SettingValues;
}

/** One way to train, as the registry holds it. */
export interface Defence {
  readonly name: string;
  readonly label: string;
  readonly summary: string;
  readonly source: string;
  readonly schema: z.ZodObject;
  /** Whether it makes adversarial examples while training. */
  readonly adversarial: boolean;
  /** What shows which of its parts does the work: one run each, beside the whole. */
  readonly ablations?: readonly Ablation[];
  /** Settings to start from where they differ from the defaults: for grey digits like MNIST's, for photographs like CIFAR's. */
  readonly recommended?: { readonly digits: SettingValues; readonly photographs: SettingValues };
  /** @throws AppError `invalid-input` that names each wrong setting. */
  configure(values: unknown): ConfiguredDefence;
}

type Configured = Omit<ConfiguredDefence, 'name' | 'settings' | 'weightPerturbation'>;

const weightPerturbationSettings = z.object(weightPerturbationShape);

/**
 * Makes a {@link Defence} from its description; `configure` gets settings that the schema has checked. Adversarial
 * defences get the settings of adversarial weight perturbation besides their own.
 */
export function defineDefence<S extends z.ZodObject>(
  definition: Omit<Defence, 'schema' | 'configure'> & {
    readonly schema: S;
    readonly configure: (settings: z.output<S>) => Configured;
  },
): Defence {
  const { schema: own, configure, ...rest } = definition;
  const schema: z.ZodObject = rest.adversarial ? own.extend(weightPerturbationShape) : own;
  return {
    ...rest,
    schema,
    configure(values) {
      const settings = parseSettings(schema, values, `defence ${rest.name}`);
      const configured = {
        name: rest.name,
        settings: settings as SettingValues,
        ...configure(settings as z.output<S>),
      };
      if (!rest.adversarial) return configured;
      const { awp, awpWarmup } = weightPerturbationSettings.parse(settings);
      return awp > 0 ? { ...configured, weightPerturbation: { gamma: awp, warmup: awpWarmup } } : configured;
    },
  };
}

export const noTaps = (): readonly string[] => [];

/** The chosen layers, or all if none is named. @throws AppError `invalid-input` for a layer that is not there. */
export function chosenLayers(chosen: readonly string[], available: readonly string[]): readonly string[] {
  const missing = chosen.find((layer) => !available.includes(layer));
  if (missing !== undefined) {
    throw new AppError(
      'invalid-input',
      `layers: this architecture has no layer “${missing}”; it has ${available.join(', ')}.`,
      { details: { field: 'layers', found: missing, expected: available.join(', ') } },
    );
  }
  if (available.length === 0) {
    throw new AppError('invalid-input', 'Attention pairing needs an architecture with convolution layers.');
  }
  return chosen.length > 0 ? available.filter((layer) => chosen.includes(layer)) : available;
}
