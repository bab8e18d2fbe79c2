import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { epsilonLabel } from '../../../shared/domain/epsilon.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { adaptiveAttack } from '../attacks/adaptive/adaptive-attack.ts';
import { defineAscent } from '../attacks/adaptive/ascent-family.ts';
import { withSubstitute } from '../attacks/adaptive/substitute.ts';
import { noiseOf, resizingOf, roundingTo, seenThrough, shiftsOf } from '../attacks/adaptive/transformation.ts';
import { directionOf, summedLooks } from '../attacks/ascent/climb.ts';
import {
  ascentNotes,
  ballEpsilonSetting,
  defineAttack,
  epsilonSetting,
  fewStepsOrStarts,
  inBall,
  normSetting,
  samplesSetting,
  shareSetting,
  startsSetting,
  stepSizeOf,
  stepSizeSetting,
  stepsSetting,
  stopAtSuccessSetting,
} from '../attacks/attack.ts';
import type { AnyAttack } from '../attacks/attack.ts';
import { measurePerturbation } from '../attacks/base/budget.ts';
import { imageSize } from '../attacks/base/examples.ts';
import { moveInReach, normOf, project, sparseAscent, steepest } from '../attacks/base/norms.ts';
import { createOracle } from '../attacks/base/oracle.ts';
import { isHit, predictionOf } from '../attacks/base/outcome.ts';
import { fillNoise, startImages } from '../attacks/base/start.ts';
import { inquiryMethod, questionSize } from '../attacks/decision/inquiry.ts';
import { defineFamily } from '../attacks/plan.ts';
import { activationMap, normaliseMaps } from '../attention/activation-map.ts';
import { chosenLayers, defineDefence, noTaps } from '../defences/defence.ts';
import type { Defence } from '../defences/defence.ts';
import { mixedCrossEntropy } from '../defences/mixed.ts';
import {
  attentionShape,
  innerAttack,
  innerAttackShape,
  logitShape,
  pairingWeight,
  pixelNoise,
  shareShape,
  validationEpsilon,
} from '../defences/settings.ts';
import { attentionPairing, cleanLogitPairing, logitPairing, logitSqueezing, mapDistance } from '../defences/terms.ts';
import { crossEntropyFromLogits, dlrFromLogits, logSoftmax, lossFromLogits, marginFromLogits } from '../losses.ts';
import { stream } from '../random/stream.ts';

export type { AscentStepsPlan, Move, Point } from '../attacks/adaptive/ascent-definition.ts';
export type { ModelOutputs, StepModel } from '../attacks/adaptive/step-model.ts';
export type { Transformation } from '../attacks/adaptive/transformation.ts';
export type { Finding, Inquiry } from '../attacks/decision/inquiry.ts';
export type { AttackOptions } from '../attacks/options.ts';
export type { AttackPlan } from '../attacks/plan.ts';

/** What a module adds. */
export interface UserModule {
  readonly attacks?: readonly AnyAttack[];
  readonly defences?: readonly Defence[];
}

/** What a module's default export is: it is given everything that it needs, so it imports nothing of Pairlight. */
export type ModuleFactory = (pairlight: ModuleApi) => UserModule;

/** What modules are given. Everything here is what the built-in attacks and defences are made of. */
export const moduleApi = {
  /** Raised when something here changes so that a module must change. */
  apiVersion: 1,
  /** TensorFlow.js as the engine of the job has it. */
  tf,
  /** Settings are described by zod schemas. */
  z,
  /** `new AppError('invalid-input', message)`: an error for a person. */
  AppError,

  /** Name, words, settings and plan of an attack: an entry of `attacks`. */
  defineAttack,
  /**
   * The way in which an attack by gradients is carried out, what its plan's `family` is: it says only what a step is. Starts,
   * ball, judgement of every iterate, restarts, goals, records and transfer are Pairlight's.
   */
  defineAscent,
  /** A whole attack: PGD on a loss of its own over logits and activations, through a transformation or a substitute. */
  adaptiveAttack,
  /** The same for attacks of any other kind, such as those by scores and decisions, see `queries`. */
  defineFamily,
  /** A defence: an entry of `defences`. */
  defineDefence,

  /** Settings that attacks share, and what follows from them. */
  settings: {
    /** ε of an attack in several norms; put its schema through {@link inBall}. */
    epsilon: ballEpsilonSetting,
    /** ε of an attack in L∞ alone. */
    epsilonLinf: epsilonSetting,
    /** `norm('linf', 'l2')`: the norms of an attack, its first one by default. */
    norm: normSetting,
    /** A schema with `norm` and `epsilon`: in L∞ ε is at most 1. */
    inBall,
    /** `steps(40)`: gradient steps from each start. */
    steps: stepsSetting,
    /** Empty for 2.5 ε / steps, see `stepSizeOf`. */
    stepSize: stepSizeSetting,
    stepSizeOf,
    /** Starts in all. */
    restarts: startsSetting,
    /** Gradients that are averaged for each step. */
    samples: samplesSetting,
    /** Share of the pixels that a step in L1 changes. */
    share: shareSetting,
    stopAtSuccess: stopAtSuccessSetting,
  },
  /** Words that stand beside a number. */
  words: {
    /** `ε 0.25`, `L2 ε 2` */
    epsilonLabel,
    /** Remarks on steps that cannot reach ε, or that stop at the first success. */
    ascentNotes,
    /** Why few steps or starts are no claim of robustness; null for many of both. */
    fewStepsOrStarts,
  },

  /** Gradients of defences that are random or have none. */
  gradients: {
    /** Logits of the first of n looks and the sum of their gradients (expectation over transformations). */
    summedLooks,
    /** A function with another backward pass (BPDA). */
    withSubstitute,
    /** Images through a transformation, with the gradient that it is given. */
    seenThrough,
    /** The step of unit norm along a gradient, or against it towards a target. */
    directionOf,
  },
  /** What images go through before a model: for `transformation` of adaptive attacks. A module can write its own. */
  transformations: { noise: noiseOf, shifts: shiftsOf, resizing: resizingOf, rounding: roundingTo },

  /** Tensor functions on rows of images, for L∞, L2 and L1. */
  norms: {
    /** The step of unit norm along a gradient. */
    steepest,
    /** The step of unit L1 norm that changes few pixels. */
    sparseAscent,
    /** Candidates brought into the ball around x and into [0, 1]. */
    project,
    /** The same by the bounds that a batch carries. */
    moveInReach,
    /** The norm of each row. */
    normOf,
    /** Random starts in the ball, of the stream (seed, 'start', example, restart). */
    startImages,
    /** A random change within the ball. */
    fillNoise,
    /** Size of a perturbation in float64, and whether it obeys the constraint. */
    measurePerturbation,
  },

  /** Losses of each example, [n], from logits. Attacks raise them; with targets in place of labels they lower them. */
  losses: {
    crossEntropy: crossEntropyFromLogits,
    margin: marginFromLogits,
    /** Difference of logits ratio: the same for logits that are shifted or scaled. */
    dlr: dlrFromLogits,
    /** By name: `cross-entropy`, `margin`, `dlr`. */
    named: lossFromLogits,
    logSoftmax,
  },

  /** Σ_c |A_c|^q of activations, and maps divided by their length. */
  attention: { activationMap, normaliseMaps, mapDistance },

  /**
   * `stream(seed, name, example, restart)`: random numbers of one example. Never take others: with these neither batch
   * size nor engine nor the order of examples changes a result.
   */
  stream,

  /** For attacks that see only scores or decisions: written for one image, as a generator that asks for logits. */
  queries: {
    /** The `create` of a family: carries such generators out for many images side by side. */
    method: inquiryMethod,
    /** Images that one question should hold at most. */
    questionSize,
    /** The model as a function from images to logits. */
    createOracle,
    /** The class of the largest logit, −1 if one is not finite. */
    predictionOf,
    /** Whether a prediction is what the attack is after. */
    isHit,
    /** Number of values in one image. */
    imageSize,
  },

  /** What defences are made of: terms of the loss, and settings of the inner attack. */
  training: {
    mixedCrossEntropy,
    logitPairing,
    cleanLogitPairing,
    logitSqueezing,
    attentionPairing,
    chosenLayers,
    noTaps,
    innerAttack,
    innerAttackShape,
    shareShape,
    logitShape,
    attentionShape,
    pairingWeight,
    pixelNoise,
    validationEpsilon,
  },
} as const;

export type ModuleApi = typeof moduleApi;
