import { defineFamily } from '../plan.ts';
import type { Family } from '../plan.ts';
import { gradientsOf } from './ascent-definition.ts';
import type { AscentDefinition, AscentStepsPlan } from './ascent-definition.ts';
import { ascentMethod, makeByAscent } from './ascent-method.ts';
import { registerAscent } from './ascent-registry.ts';

/** The family of attacks that make such steps. They can lead to a class, and their x' can be judged on other models. */
export function defineAscent<P extends AscentStepsPlan>(definition: AscentDefinition<P>): Family {
  registerAscent(definition);
  return defineFamily<P>({
    name: definition.name,
    unit: 'gradients',
    minimal: false,
    targeted: true,
    access: () => 'gradients',
    work: (plan) => plan.steps * gradientsOf(definition, plan),
    stopsAtSuccess: ({ stopAtSuccess }) => stopAtSuccess,
    isAtLeast: (more, less) => definition.isAtLeast?.(more, less) ?? hasMoreSteps(more, less),
    create: (steps, subject, options) => ascentMethod(definition, steps, subject, options),
    make: (_, source, rows, restart, options, onWork) =>
      makeByAscent(definition, source, rows, restart, options, onWork),
  });
}

/** More steps, and otherwise the same: ε and restarts are not its to compare, nor whether examples leave early. */
function hasMoreSteps<P extends AscentStepsPlan>(more: P, less: P): boolean {
  const rest = ({ family: _, epsilon: _e, restarts: _r, steps: _s, stopAtSuccess: _a, ...others }: P): string =>
    JSON.stringify(others);
  return more.steps >= less.steps && rest(more) === rest(less);
}
