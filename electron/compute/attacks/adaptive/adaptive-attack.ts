import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { directionOf, summedLooks } from '../ascent/climb.ts';
import { pgdSettings } from '../ascent/pgd-settings.ts';
import { ascentReachNotes, defineAttack, fewStepsOrStarts, inBall, samplesSetting, stepSizeOf } from '../attack.ts';
import type { AnyAttack, Attack } from '../attack.ts';
import type { AscentStepsPlan, Move, Point } from './ascent-definition.ts';
import { defineAscent } from './ascent-family.ts';
import type { ModelOutputs, StepModel } from './step-model.ts';
import { seenThrough } from './transformation.ts';
import type { Transformation } from './transformation.ts';

/** PGD with a loss of its own. */
export interface AdaptiveDefinition<S extends z.ZodRawShape> extends Pick<
  Attack<z.ZodObject, AdaptivePlan>,
  'name' | 'label' | 'summary' | 'source' | 'help'
> {
  /**
   * The loss of each image, [n]: raised, where `labels` are the classes to leave; lowered where an attack has a goal and
   * they are those to reach. Differentiable; takes logits, not probabilities; makes its tensors within.
   * @param labels int32 [n]
   */
  readonly loss: (outputs: ModelOutputs, labels: tf.Tensor1D, settings: z.output<z.ZodObject<S>>) => tf.Tensor;
  /** Layers whose activations the loss wants, of those that the model has; none if left out. */
  readonly layers?: (available: readonly string[]) => readonly string[];
  /** Settings of its own besides PGD's. */
  readonly settings?: S;
  /**
   * What images go through before the attack's gradient sees the model (expectation over transformations where it is
   * random, a substitute backward pass where it has one). Iterates are judged as they are, without it.
   */
  readonly transformation?: (settings: z.output<z.ZodObject<S>>) => Transformation;
  /** Gradients that are averaged for each step by default; 1 if left out. */
  readonly samples?: number;
}

/** What an adaptive attack will do. */
export interface AdaptivePlan extends AscentStepsPlan {
  readonly stepSize: number;
  readonly samples: number;
  /** See `AscentPlan`. */
  readonly share: number | null;
  /** Values of the attack's own settings. */
  readonly own: Readonly<Record<string, unknown>>;
}

/**
 * A whole attack of PGD's kind (Madry et al. 2018, arXiv 1706.06083) on a loss that suits the defence (Tramèr et al. 2020,
 * arXiv 2002.08347), with PGD's settings, random streams, survivors, restarts and records. With cross-entropy as its loss
 * it is PGD to the last bit. Its x' can be judged on other models.
 */
export function adaptiveAttack<S extends z.ZodRawShape = Record<never, never>>(
  definition: AdaptiveDefinition<S>,
): AnyAttack {
  const { name, label, summary, source, help } = definition;
  const ownSchema = z.strictObject(definition.settings ?? ({} as S));
  const ownOf = ({ own }: AdaptivePlan): z.output<z.ZodObject<S>> => own as z.output<z.ZodObject<S>>;
  const transformationOf = (plan: AdaptivePlan): Transformation | null =>
    definition.transformation?.(ownOf(plan)) ?? null;
  const family = defineAscent<AdaptivePlan>({
    name,
    gradients: ({ samples }) => samples,
    draws: {
      numbers: (plan, shape) => plan.samples * (transformationOf(plan)?.numbers(shape) ?? 0),
      fill(into, random, plan, shape) {
        const transformation = transformationOf(plan);
        const length = into.length / plan.samples;
        for (let at = 0; at < plan.samples; at += 1) {
          transformation?.draw?.(into.subarray(at * length, (at + 1) * length), random, shape);
        }
      },
    },
    step: (model, point, plan) => adaptiveStep(definition, transformationOf(plan), model, point, plan),
    isAtLeast: (more, less) =>
      more.steps >= less.steps && more.samples >= less.samples && JSON.stringify(more.own) === JSON.stringify(less.own),
  });
  const base = {
    ...pgdSettings,
    randomStart: pgdSettings.randomStart.meta({
      label: 'Random start',
      help: 'Start at a random point of the ball; otherwise at x.',
    }),
    samples: samplesSetting.default(definition.samples ?? 1),
  };
  const baseSchema = z.strictObject(base);
  return defineAttack({
    name,
    label,
    summary,
    source,
    help,
    schema: inBall<z.ZodObject>(z.strictObject({ ...base, ...ownSchema.shape })),
    plan(settings): AdaptivePlan {
      const own = Object.fromEntries(Object.entries(settings).filter(([key]) => !(key in base)));
      const { norm, epsilon, steps, stepSize, restarts, randomStart, stopAtSuccess, samples, share } = baseSchema.parse(
        Object.fromEntries(Object.entries(settings).filter(([key]) => key in base)),
      );
      const transformed = definition.transformation?.(own as z.output<z.ZodObject<S>>);
      // Without anything random every start is the same.
      const isRandom = randomStart || transformed?.draw !== undefined;
      return {
        family,
        norm,
        epsilon,
        steps,
        stepSize: stepSizeOf(epsilon, steps, stepSize),
        restarts: isRandom ? restarts : 1,
        randomStart,
        stopAtSuccess,
        samples,
        share: norm === 'l1' ? share : null,
        own,
      };
    },
    used: ({ stepSize }) => ({ stepSize }),
    describe: ({ steps, restarts }) => `${label}-${steps}${restarts > 1 ? ` × ${restarts}` : ''}`,
    weakness: ({ steps, restarts }) => fewStepsOrStarts(steps, restarts),
    notes: (plan) => ascentReachNotes(plan),
  });
}

function adaptiveStep<S extends z.ZodRawShape>(
  { loss, layers }: AdaptiveDefinition<S>,
  transformation: Transformation | null,
  model: StepModel,
  { images, labels, targeted, draws }: Point,
  { norm, share, stepSize, samples, own }: AdaptivePlan,
): Move {
  const wanted = layers?.(model.layers) ?? [];
  const parts = draws && samples > 1 ? tf.split(draws, samples, 1) : [draws];
  const none = tf.zeros([images.shape[0], 0]);
  const look = (at: number) =>
    model.gradient(images, (outputs) => loss(outputs, labels, own as z.output<z.ZodObject<S>>), {
      layers: wanted,
      ...(transformation && {
        view: (x: tf.Tensor4D) => seenThrough(transformation, x, (parts[at] ?? none) as tf.Tensor2D),
      }),
    });
  const { logits, gradient } = summedLooks(samples, look);
  const size = images.size / images.shape[0];
  const pixels = share === null ? null : Math.max(1, Math.round(share * size));
  const direction = directionOf(gradient, images, { norm, targeted, pixels });
  const change = tf.mul(tf.scalar(stepSize), direction);
  return transformation ? { change, gradient } : { change, gradient, logits };
}
