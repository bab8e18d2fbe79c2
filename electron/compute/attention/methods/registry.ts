import type { MapEntry } from '../../../../shared/domain/catalogue.ts';
import { AppError } from '../../../../shared/domain/errors.ts';
import { describeSettings } from '../../../../shared/domain/settings.ts';
import { activation } from './activation.ts';
import { gradCam, gradCamPlusPlus, hiResCam, layerCam, xGradCam } from './cams.ts';
import { ablationCam, scoreCam } from './channel-cams.ts';
import { eigenCam } from './eigen-cam.ts';
import {
  gradientTimesInput,
  guidedBackpropagation,
  inputGradient,
  integratedGradients,
  smoothGrad,
} from './gradients.ts';
import { occlusion, rise } from './hiding.ts';
import type { MapDefinition } from './method.ts';

/** Every kind of map, in the order in which forms offer them. */
export const MAP_DEFINITIONS: readonly MapDefinition[] = [
  activation,
  gradCam,
  gradCamPlusPlus,
  hiResCam,
  xGradCam,
  layerCam,
  eigenCam,
  scoreCam,
  ablationCam,
  inputGradient,
  gradientTimesInput,
  integratedGradients,
  smoothGrad,
  guidedBackpropagation,
  occlusion,
  rise,
];

/** @throws AppError `invalid-input` that lists the methods. */
export function findMapMethod(name: string): MapDefinition {
  const found = MAP_DEFINITIONS.find((method) => method.name === name);
  if (found) return found;
  const known = MAP_DEFINITIONS.map((method) => method.name).join(', ');
  throw new AppError('invalid-input', `methods: there is no map “${name}”. There are: ${known}.`, {
    details: { field: 'methods', found: name },
  });
}

/** The registry as data, for forms and flags. */
export function mapEntries(): readonly MapEntry[] {
  return MAP_DEFINITIONS.map(({ name, label, summary, source, level, signed, explains, schema }) => ({
    name,
    label,
    summary,
    source,
    level,
    signed,
    explains,
    fields: [...describeSettings(schema)],
  }));
}
