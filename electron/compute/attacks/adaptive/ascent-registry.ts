import type { AscentDefinition, AscentStepsPlan } from './ascent-definition.ts';

/**
 * Definitions by their name, so that a thread that has loaded the same modules makes the same steps from plain data. Null
 * where several have one name: steps then stay in the thread that has them.
 */
const definitions = new Map<string, AscentDefinition<never> | null>();

export function registerAscent<P extends AscentStepsPlan>(definition: AscentDefinition<P>): void {
  const { name } = definition;
  definitions.set(name, definitions.has(name) ? null : definition);
}

/** What was defined under a name; null if that is nothing, or not one definition alone. */
export function findAscent(name: string): AscentDefinition<never> | null {
  return definitions.get(name) ?? null;
}
