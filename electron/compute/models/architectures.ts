import type { z } from 'zod';
import type { architectureEntry } from '../../../shared/domain/catalogue.ts';
import { CIFAR_RESNETS } from './architectures/cifar-resnet.ts';
import { PLAIN_ARCHITECTURES } from './architectures/plain.ts';
import type { Architecture } from './architectures/plan.ts';
import { RESNETS } from './architectures/resnet.ts';

/** Every architecture, in the order in which lists show them. */
export const ARCHITECTURES: readonly Architecture[] = [...PLAIN_ARCHITECTURES, ...CIFAR_RESNETS, ...RESNETS];

/** The architectures as data, for forms and documentation. `layers` are those that can be looked at. */
export function architectureEntries(): z.infer<typeof architectureEntry>[] {
  return ARCHITECTURES.map(({ name, label, summary, plan }) => ({
    name,
    label,
    summary,
    layers: plan.flatMap((layer) => ('tap' in layer && layer.tap !== undefined ? [layer.tap] : [])),
  }));
}
