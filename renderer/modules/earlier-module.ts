import type { AttackEntry } from '../../shared/domain/catalogue.ts';
import type { AttackSpec } from '../../shared/domain/evaluation.ts';

/** The version of the module that an attack was run with, where the catalogue has another one or none; else null. */
export function earlierModule(
  { name, module }: Pick<AttackSpec, 'name' | 'module'>,
  attacks: readonly Pick<AttackEntry, 'name' | 'module'>[],
): string | null {
  if (module === undefined) return null;
  return attacks.some((entry) => entry.name === name && entry.module?.hash === module) ? null : module;
}
