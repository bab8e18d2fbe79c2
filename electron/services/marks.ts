import type { CheckState } from '../../shared/domain/check.ts';
import type { AttackSpec } from '../../shared/domain/evaluation.ts';
import type { EntityId } from '../../shared/domain/ids.ts';
import { checkText, stateOf } from './check-text.ts';
import type { Library } from './library.ts';

/** Behind the name of a model whose masking check is red, and behind a number of a weak evaluation. */
export const RED_MARK = '‡';
export const WEAK_MARK = '†';

/** A model as tables and figures outside the window name it: with what the masking check says of it. */
export interface MarkedModel {
  readonly name: string;
  readonly check: CheckState | null;
}

/** An attack with the reason why its number alone is no claim of robustness; null if it is strong. */
export interface MarkedAttack {
  readonly label: string;
  readonly weak: string | null;
}

/** By id: the models of a library with their newest finished checks on a data set. */
export function markedModels(
  library: Pick<Library, 'checks' | 'models'>,
  dataset: EntityId,
): (id: EntityId) => MarkedModel {
  const checks = library.checks.list();
  const names = new Map(library.models.list().map(({ id, name }) => [id, name]));
  return (id) => ({ name: names.get(id) ?? 'a deleted model', check: stateOf(checks, id, dataset) });
}

/** An attack as it was asked for, with what there is to say of it. */
export async function markedAttack(spec: AttackSpec): Promise<MarkedAttack> {
  const { resolveAttack } = await import('../compute/attacks/registry.ts');
  const { label, weak } = resolveAttack(spec);
  return { label, weak };
}

/** `CLP ‡`: the name, marked where its check is red. */
export function markedName({ name, check }: MarkedModel): string {
  return check?.verdict === 'red' ? `${name} ${RED_MARK}` : name;
}

/** `PGD-40 †`: the label, marked where the attack is weak. */
export function markedLabel({ label, weak }: MarkedAttack): string {
  return weak === null ? label : `${label} ${WEAK_MARK}`;
}

/**
 * What stands below every table and figure: the state of each model's masking check, and what the marks mean.
 * @param attacks those whose numbers are shown.
 */
export function footnotes(models: readonly MarkedModel[], attacks: readonly MarkedAttack[] = []): string[] {
  const states = models.map((model) => `${markedName(model)} ${checkText(model.check)}`);
  const red = models.some(({ check }) => check?.verdict === 'red');
  return [
    ...(models.length === 0 ? [] : [`Gradient-masking check: ${[...new Set(states)].join('; ')}.`]),
    ...(red
      ? [`${RED_MARK} Its gradients hide how easily it is fooled: do not trust numbers of gradient attacks alone.`]
      : []),
    ...weakNote(attacks),
  ];
}

/** Each reason once, with the attacks that it holds for. */
function weakNote(attacks: readonly MarkedAttack[]): string[] {
  const reasons = new Map<string, Set<string>>();
  for (const { label, weak } of attacks) {
    if (weak !== null) reasons.set(weak, (reasons.get(weak) ?? new Set()).add(label));
  }
  if (reasons.size === 0) return [];
  const each = [...reasons].map(([weak, labels]) => `${[...labels].join(' and ')} (${asClause(weak)})`);
  return [`${WEAK_MARK} Too weak to be a claim of robustness: ${each.join('; ')}.`];
}

/** `One start: restarts may break more.` within a sentence. */
function asClause(text: string): string {
  const bare = text.replace(/\.$/, '');
  return /^[A-Z][a-z]/.test(bare) ? `${bare.charAt(0).toLowerCase()}${bare.slice(1)}` : bare;
}
