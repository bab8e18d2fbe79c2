import { AppError } from '../../../../shared/domain/errors.ts';
import type { ModelFile } from '../../../../shared/domain/model.ts';
import { accessOf, type AttackPlan } from '../plan.ts';

/**
 * Refuses an attack that needs gradients of a model that has none to give: of a model of another program there is a
 * forward pass alone.
 * @param model on which x' is made.
 * @throws AppError `unsupported`.
 */
export function requireAccess({ name, foreign }: Pick<ModelFile, 'name' | 'foreign'>, plan: AttackPlan): void {
  if (!foreign || accessOf(plan) !== 'gradients') return;
  throw new AppError(
    'unsupported',
    `The attack ${plan.family.name} follows gradients, and of ${name} (${foreign.format}) there is a forward pass alone. Choose an attack on scores or decisions, such as Square or HopSkipJump, or make the images on another model (--from).`,
    { details: { field: 'attack.name', model: name, found: plan.family.name } },
  );
}
