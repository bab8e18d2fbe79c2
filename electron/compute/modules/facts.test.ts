import { expect, test } from 'vitest';
import { attackFacts } from '../../../shared/domain/module.ts';
import { accessOf, hasPart, isBlind, workOf } from '../attacks/plan.ts';
import type { AttackPlan } from '../attacks/plan.ts';
import { resolveAttack } from '../attacks/registry.ts';
import { factsOf, resolvedFrom } from './facts.ts';

/** What is left of an attack when only facts of it are known, after a way through the library. */
const known = (name: string) => {
  const spec = { name, settings: {} };
  const facts = attackFacts.parse(JSON.parse(JSON.stringify(factsOf(resolveAttack(spec)))));
  return resolvedFrom(facts, spec);
};

test('an attack that is known by facts keeps its parts: one without gradients, of enough queries, counts', () => {
  const search = (part: AttackPlan): boolean => isBlind(part) && workOf(part) >= 1000;
  const { plan } = known('autoattack');
  expect(plan.family.parts?.(plan).map(accessOf)).toEqual(['gradients', 'gradients', 'gradients', 'scores']);
  for (const name of ['autoattack', 'pgd', 'square', 'apgd']) {
    const { plan: whole } = resolveAttack({ name, settings: {} });
    expect(hasPart(known(name).plan, search)).toBe(hasPart(whole, search));
  }
  expect(hasPart(plan, search)).toBe(true);
  expect(known('pgd').plan.family.parts).toBeUndefined();
});
