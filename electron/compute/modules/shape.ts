import { z } from 'zod';
import type { AppError } from '../../../shared/domain/errors.ts';
import { NORMS } from '../../../shared/domain/evaluation.ts';
import { describeIssues } from '../../../shared/domain/settings.ts';
import type { AnyAttack, PlannedAttack } from '../attacks/attack.ts';
import { ATTACKS, attackEntry, builtInFamilies } from '../attacks/registry.ts';
import type { Defence } from '../defences/defence.ts';
import { DEFENCES, defenceEntry } from '../defences/registry.ts';
import { STREAM_NAMES } from '../random/names.ts';
import type { LoadedModule } from './load.ts';

const added = z.strictObject(
  {
    attacks: z.array(z.custom<AnyAttack>()).default([]),
    defences: z.array(z.custom<Defence>()).default([]),
  },
  {
    error: ({ code }) =>
      code === 'invalid_type' ? 'it must be an object such as { attacks: […], defences: […] }' : undefined,
  },
);

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const name = z
  .string('is missing')
  .max(40, 'must have at most 40 letters')
  .regex(NAME, 'must be small letters and digits, parted by hyphens, such as my-attack');
const words = z.string('is missing').trim().min(1, 'is empty');

const attackShape = z.looseObject({ name, label: words, summary: words, source: words, help: words });
const defenceShape = z.looseObject({ name, label: words, summary: words, source: words });

const plannedShape = z.looseObject({
  epsilon: z
    .number('is missing: every plan has the radius of its ball, in pixels of [0, 1]')
    .min(0, 'must be at least 0'),
  norm: z.enum(NORMS, `must be one of ${NORMS.join(', ')}`),
  restarts: z.int('must be a whole number').min(1, 'must be at least 1'),
  family: z.looseObject(
    {
      name: z.string('is missing').min(1, 'is empty'),
      unit: z.enum(['gradients', 'queries'], 'must be “gradients” or “queries”'),
      minimal: z.boolean('must be true or false'),
      targeted: z.boolean('must be true or false'),
      ...Object.fromEntries(
        ['access', 'work', 'stopsAtSuccess', 'isAtLeast', 'create'].map((key) => [key, functionOf(key)]),
      ),
    },
    'is missing: make one with pairlight.defineFamily, or take one of a building block',
  ),
});

function functionOf(key: string) {
  return z.custom((value) => typeof value === 'function', `must be a function: ${key}(…)`);
}

/**
 * Checks what a module says that it adds, so that whatever is wrong with it is known before anything is run.
 * @param fault makes the error of a text that completes “The module my-attack.ts …”.
 */
export function checkModule(found: unknown, fault: (what: string) => AppError): LoadedModule {
  const parsed = added.safeParse(found);
  if (!parsed.success) throw fault(`adds something else than attacks and defences: ${describeIssues(parsed.error)}`);
  const { attacks, defences } = parsed.data;
  if (attacks.length + defences.length === 0) throw fault('adds nothing: its attacks and defences are empty');
  attacks.forEach((attack, position) => checkAttack(attack, position, fault));
  defences.forEach((defence, position) => checkDefence(defence, position, fault));
  refuseTaken('attack', attacks, ATTACKS, fault);
  refuseTaken('defence', defences, DEFENCES, fault);
  return { attacks, defences };
}

function checkAttack(attack: AnyAttack, position: number, fault: (what: string) => AppError): void {
  const which = nameOf(attack, 'attack', position);
  if (!isMade(attack, 'resolve')) throw fault(`adds ${which}, which pairlight.defineAttack did not make`);
  const shape = attackShape.safeParse(attack);
  if (!shape.success) throw fault(`adds ${which} with a fault: ${describeIssues(shape.error)}`);
  tried(() => attackEntry(attack), `settings of ${which} cannot be shown in a form`, fault);
  const planned = tried(() => attack.resolve({}), `${which} has no plan for its default settings`, fault);
  const plan = plannedShape.safeParse(planned.plan);
  if (!plan.success) throw fault(`adds ${which}, whose plan has a fault: ${describeIssues(plan.error)}`);
  refuseTakenFamily(planned, which, fault);
}

function checkDefence(defence: Defence, position: number, fault: (what: string) => AppError): void {
  const which = nameOf(defence, 'defence', position);
  if (!isMade(defence, 'configure')) throw fault(`adds ${which}, which pairlight.defineDefence did not make`);
  const shape = defenceShape.safeParse(defence);
  if (!shape.success) throw fault(`adds ${which} with a fault: ${describeIssues(shape.error)}`);
  tried(() => defenceEntry(defence), `settings of ${which} cannot be shown in a form`, fault);
  const configured = tried(() => defence.configure({}), `${which} refuses its own default settings`, fault);
  if (configured.terms.length === 0) throw fault(`adds ${which} without a term of its loss`);
}

/** Whether something has what the API's makers give it. */
function isMade(thing: unknown, method: 'resolve' | 'configure'): boolean {
  if (typeof thing !== 'object' || thing === null) return false;
  const { schema, [method]: act } = thing as Readonly<Record<string, unknown>>;
  return schema instanceof z.ZodObject && typeof act === 'function';
}

function nameOf(thing: unknown, kind: string, position: number): string {
  const own: unknown = typeof thing === 'object' && thing !== null && 'name' in thing ? thing.name : undefined;
  return typeof own === 'string' && own !== '' ? `the ${kind} “${own}”` : `${kind} ${position + 1} of its list`;
}

function tried<T>(work: () => T, what: string, fault: (what: string) => AppError): T {
  try {
    return work();
  } catch (thrown) {
    const why = thrown instanceof z.ZodError ? describeIssues(thrown) : (thrown as Error).message;
    throw fault(`is not usable: ${what} (${why})`);
  }
}

function refuseTaken(
  kind: string,
  own: readonly { readonly name: string }[],
  builtIn: readonly { readonly name: string }[],
  fault: (what: string) => AppError,
): void {
  own.forEach(({ name: wanted }, position) => {
    if (builtIn.some((one) => one.name === wanted)) {
      throw fault(`calls its ${kind} “${wanted}”, which is the name of a built-in one. Choose another name`);
    }
    if (own.findIndex((one) => one.name === wanted) < position) {
      throw fault(`has two ${kind}s called “${wanted}”. Give each a name of its own`);
    }
  });
}

/** A family names random streams: one of a name that is in use would draw the same numbers, or count as another in tables. */
function refuseTakenFamily(
  { plan: { family } }: PlannedAttack,
  which: string,
  fault: (what: string) => AppError,
): void {
  const others = builtInFamilies();
  if (others.includes(family)) return;
  if (others.some((one) => one.name === family.name)) {
    throw fault(
      `gives ${which} a family called “${family.name}”, as a built-in one is called. Choose another name for it`,
    );
  }
  if (STREAM_NAMES.includes(family.name)) {
    throw fault(
      `gives ${which} a family called “${family.name}”, which is the name of random numbers that Pairlight draws elsewhere. Choose another name for it`,
    );
  }
}
