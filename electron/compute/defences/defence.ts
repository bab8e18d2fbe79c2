import type * as tf from '@tensorflow/tfjs-core';
import type { z } from 'zod';
import { AppError } from '../../../shared/domain/errors.ts';
import { parseSettings, type SettingValues } from '../../../shared/domain/settings.ts';

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
  readonly randomStart: boolean;
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
  readonly inner: InnerAttack | null;
  /** ε at which the held-out part is attacked. */
  readonly epsilon: number;
  /** Deviation of Gaussian noise on the training images, which stay in [0, 1]; left out: none. */
  readonly noise?: number;
  /** Layers whose activations the loss wants, of those that the network has. @throws AppError `invalid-input`. */
  taps(available: readonly string[]): readonly string[];
  /** Names of the loss's terms. */
  readonly terms: readonly string[];
  /** The terms of the loss by name, already weighted: their sum is what is minimised. Scalars of the caller. */
  loss(inputs: LossInputs): Readonly<Record<string, tf.Tensor>>;
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
  /** @throws AppError `invalid-input` that names each wrong setting. */
  configure(values: unknown): ConfiguredDefence;
}

type Configured = Omit<ConfiguredDefence, 'name' | 'settings'>;

/** Makes a {@link Defence} from its description; `configure` gets settings that the schema has checked. */
export function defineDefence<S extends z.ZodObject>(
  definition: Omit<Defence, 'schema' | 'configure'> & {
    readonly schema: S;
    readonly configure: (settings: z.output<S>) => Configured;
  },
): Defence {
  const { schema, configure, ...rest } = definition;
  return {
    ...rest,
    schema,
    configure(values) {
      const settings = parseSettings(schema, values, `defence ${rest.name}`);
      return { name: rest.name, settings: settings as SettingValues, ...configure(settings) };
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
