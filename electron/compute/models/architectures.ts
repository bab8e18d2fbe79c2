import type { z } from 'zod';
import type { architectureEntry } from '../../../shared/domain/catalogue.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { describeSettings } from '../../../shared/domain/settings.ts';
import type { Architecture } from './architectures/architecture.ts';
import { CIFAR_RESNETS } from './architectures/cifar-resnet.ts';
import { MOBILENETS } from './architectures/mobilenet.ts';
import { PLAIN_ARCHITECTURES } from './architectures/plain.ts';
import { plannedLayers } from './architectures/plan.ts';
import { PREACTIVATION_RESNETS } from './architectures/preactivation.ts';
import { RESNETS } from './architectures/resnet.ts';
import { VGGS } from './architectures/vgg.ts';

/** Every architecture, in the order in which lists show them. */
export const ARCHITECTURES: readonly Architecture[] = [
  ...PLAIN_ARCHITECTURES,
  ...CIFAR_RESNETS,
  ...RESNETS,
  ...PREACTIVATION_RESNETS,
  ...VGGS,
  ...MOBILENETS,
];

/** @throws AppError `invalid-input` that names the architectures there are. */
export function findArchitecture(name: string): Architecture {
  const found = ARCHITECTURES.find((entry) => entry.name === name);
  if (found) return found;
  const known = ARCHITECTURES.map((entry) => entry.name).join(', ');
  throw new AppError('invalid-input', `There is no architecture "${name}". Known: ${known}.`, {
    details: { field: 'architecture', found: name },
  });
}

/** The architectures as data, for forms and documentation. `layers` are those that can be looked at. */
export function architectureEntries(): z.infer<typeof architectureEntry>[] {
  return ARCHITECTURES.map((architecture) => {
    const { name, label, summary, source, schema } = architecture;
    const plan = architecture.configure({});
    return {
      name,
      label,
      summary,
      source,
      fields: [...describeSettings(schema)],
      stages: plan.stages.map((stage) => stage.name),
      layers: plannedLayers(plan).flatMap((layer) => ('tap' in layer && layer.tap !== undefined ? [layer.tap] : [])),
    };
  });
}
