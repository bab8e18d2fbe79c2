import { MODULE_ASCENT } from './attacks/adaptive/ascent-step.ts';
import { SPARSE_APGD } from './attacks/apgd/apgd-sparse-steps.ts';
import { APGD } from './attacks/apgd/apgd-steps.ts';
import { CW } from './attacks/minimal/cw-steps.ts';
import { DEEPFOOL } from './attacks/minimal/deepfool-steps.ts';
import { EAD } from './attacks/minimal/ead-steps.ts';
import { FAB } from './attacks/minimal/fab-steps.ts';
import { MOMENTUM } from './attacks/ascent/momentum-steps.ts';
import { SQUARE } from './attacks/square/square-steps.ts';
import { ASCEND, PURSUE, TRACKED } from './attacks/ascent/steps.ts';
import { SPEED_CONVOLUTION } from './engines/self-test.ts';
import type { AnyStepDefinition } from './engines/step.ts';
import { LOGITS, LOSS_GRADIENT } from './models/classifier.ts';
import { TRAIN_GRADIENT } from './training/gradient.ts';
import { INNER_ATTACK } from './training/inner-attack.ts';
import { COUNT_RIGHT } from './training/validate.ts';

/** Every step that can be built from its name and parameters, by any thread. */
export const STEPS: readonly AnyStepDefinition[] = [
  LOGITS,
  LOSS_GRADIENT,
  TRACKED,
  PURSUE,
  ASCEND,
  APGD,
  SPARSE_APGD,
  DEEPFOOL,
  FAB,
  CW,
  EAD,
  MOMENTUM,
  MODULE_ASCENT,
  SQUARE,
  INNER_ATTACK,
  COUNT_RIGHT,
  TRAIN_GRADIENT,
  SPEED_CONVOLUTION,
];
