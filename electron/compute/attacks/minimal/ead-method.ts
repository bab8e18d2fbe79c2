import { prepareStep } from '../../engines/step.ts';
import { networkSpec } from '../../models/network.ts';
import { createSearch, searchesAtLeast } from './cw-method.ts';
import type { SearchPlan } from './cw-method.ts';
import { EAD, EAD_STATE, eadStart } from './ead-steps.ts';
import type { EadRule } from './ead-steps.ts';
import { defineFamily } from '../plan.ts';

/** Elastic-net attack: small in L1. */
export interface EadPlan extends SearchPlan, EadRule {
  readonly norm: 'l1';
}

export const EAD_FAMILY = defineFamily<EadPlan>({
  name: 'ead',
  unit: 'gradients',
  minimal: true,
  targeted: true,
  access: () => 'gradients',
  work: ({ searches, steps }) => searches * steps,
  stopsAtSuccess: () => true,
  isAtLeast: (more, less) => searchesAtLeast(more, less) && more.beta === less.beta && more.decision === less.decision,
  create(_, subject, options) {
    const { searches, steps, rate, confidence, abortEarly, initial, beta, decision } = options.plan;
    const rule = { searches, steps, rate, confidence, abortEarly, beta, decision };
    return createSearch(subject, options, EAD_STATE, (goal, iterations) => ({
      step: prepareStep(EAD, { network: networkSpec(subject.network), ...rule, goal, iterations }),
      start: (clean) => eadStart(clean, initial),
    }));
  },
});
