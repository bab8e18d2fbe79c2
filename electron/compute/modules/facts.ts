import { AppError } from '../../../shared/domain/errors.ts';
import type { AttackSpec } from '../../../shared/domain/evaluation.ts';
import { shortHash, type AttackFacts } from '../../../shared/domain/module.ts';
import { accessOf, canTransfer, workOf } from '../attacks/plan.ts';
import type { AttackPlan, Family } from '../attacks/plan.ts';
import type { ResolvedAttack } from '../attacks/registry.ts';

/** What a resolved attack comes to, as data. */
export function factsOf({ attack, plan, settings, label, weak, notes }: ResolvedAttack): AttackFacts {
  const { family, norm, epsilon, restarts } = plan;
  const parts = partsOf(plan);
  return {
    label: attack.label,
    settings,
    norm,
    epsilon,
    restarts,
    title: label,
    weak,
    notes: [...notes],
    family: {
      name: family.name,
      unit: family.unit,
      minimal: family.minimal,
      targeted: family.targeted,
      transfers: canTransfer(plan),
      threat: family.threat?.(plan) ?? null,
      ...(parts.length > 0 && { parts }),
    },
    access: accessOf(plan),
    work: workOf(plan),
    stopsAtSuccess: family.stopsAtSuccess(plan),
  };
}

type PartFacts = NonNullable<AttackFacts['family']['parts']>[number];

/** The parts of an attack, and theirs; none for one that is not made of several. */
function partsOf(plan: AttackPlan): PartFacts[] {
  return (plan.family.parts?.(plan) ?? []).flatMap((part) => [
    { access: accessOf(part), work: workOf(part) },
    ...partsOf(part),
  ]);
}

/** A plan that can be looked at but not carried out. */
interface KnownPlan extends AttackPlan {
  readonly facts: AttackFacts;
}

/** Families that are known by facts alone, so that plans of one family share it. */
const families = new Map<string, Family<KnownPlan>>();

/** An attack of a module as everything but job hosts sees it: all that is to be known of it, and no way to run it. */
export function resolvedFrom(facts: AttackFacts, { name, module }: AttackSpec): ResolvedAttack {
  const { norm, epsilon, restarts, settings, title, weak, notes, label } = facts;
  const key = JSON.stringify([
    module,
    {
      ...facts.family,
      threat: facts.family.threat !== null,
      parts: facts.family.parts !== undefined,
    },
  ]);
  const family = families.get(key) ?? familyOf(facts);
  families.set(key, family);
  const plan: KnownPlan = { family: family as unknown as Family, norm, epsilon, restarts, facts };
  return { attack: { name, label }, module: module ?? null, plan, settings, label: title, weak, notes };
}

/** A part of an attack as far as it is known. */
function partFrom({ family: { parts: _, ...family }, ...whole }: AttackFacts, part: PartFacts): AttackPlan {
  const facts: AttackFacts = { ...whole, ...part, family };
  const { norm, epsilon, restarts } = facts;
  const plan: KnownPlan = { family: familyOf(facts) as unknown as Family, norm, epsilon, restarts, facts };
  return plan;
}

function familyOf(facts: AttackFacts): Family<KnownPlan> {
  const { name, unit, minimal, targeted, transfers, threat, parts } = facts.family;
  const refuse = (): never => {
    throw new AppError('internal', `The attack family ${name} comes from a module: it can run in job hosts alone.`);
  };
  return {
    name,
    unit,
    minimal,
    targeted,
    ...(threat !== null && { threat: ({ facts: own }) => own.family.threat ?? '' }),
    ...(parts && { parts: ({ facts: own }) => (own.family.parts ?? []).map((part) => partFrom(own, part)) }),
    access: ({ facts: own }) => own.access,
    work: ({ facts: own }) => own.work,
    stopsAtSuccess: ({ facts: own }) => own.stopsAtSuccess,
    // Nobody but the module knows which of its settings make it stronger: only equal ones are compared.
    isAtLeast: (more, less) => strengthOf(more) === strengthOf(less),
    create: refuse,
    ...(transfers && { make: refuse }),
  };
}

/** All settings but ε and the number of starts, which are compared by themselves. */
function strengthOf({ facts: { settings } }: KnownPlan): string {
  const { epsilon: _, restarts: __, ...others } = settings;
  return JSON.stringify(Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** @throws AppError `not-found` for an attack of a module that nothing is known of. */
export function unknownModule({ name, module }: AttackSpec): never {
  throw new AppError(
    'not-found',
    `Nothing is known of the attack “${name}” of the module version ${shortHash(module ?? '')} with these settings. Put the module back into the modules folder of the library, and start from its attack anew.`,
    { details: { field: 'attack.module', found: module ?? '' } },
  );
}
