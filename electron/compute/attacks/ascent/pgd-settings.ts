import { z } from 'zod';
import {
  ballEpsilonSetting,
  normSetting,
  samplesSetting,
  shareSetting,
  startsSetting,
  stepSizeSetting,
  stepsSetting,
  stopAtSuccessSetting,
} from '../attack.ts';

/** Settings of PGD, and of attacks that are PGD on another loss. */
export const pgdSettings = {
  norm: normSetting('linf', 'l2', 'l1'),
  epsilon: ballEpsilonSetting,
  steps: stepsSetting(40),
  stepSize: stepSizeSetting,
  restarts: startsSetting,
  randomStart: z
    .boolean()
    .default(true)
    .meta({ label: 'Random start', help: 'Start at a random point of the ball; otherwise at x, once.' }),
  stopAtSuccess: stopAtSuccessSetting,
  samples: samplesSetting,
  share: shareSetting,
};
