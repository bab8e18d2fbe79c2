import type { z } from 'zod';
import type { attackPreset, CatalogueEntry } from '../../../shared/domain/catalogue.ts';
import { epsilonNotations, flatGreyNote } from '../../../shared/domain/epsilon.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { AttackSpec } from '../../../shared/domain/evaluation.ts';
import { describeSettings, parseSettings } from '../../../shared/domain/settings.ts';
import { epsilonLabel } from './attack.ts';
import type { AnyAttack } from './attack.ts';
import { bim } from './bim.ts';
import { fgsm } from './fgsm.ts';
import { noise } from './noise.ts';
import { pgd } from './pgd.ts';
import type { AttackPlan } from './plan.ts';

/** Every attack, in the order in which forms offer them. */
export const ATTACKS: readonly AnyAttack[] = [pgd, bim, fgsm, noise];

/** The registry as data. */
export function attackEntries(): CatalogueEntry[] {
  return ATTACKS.map(({ name, label, summary, source, schema }) => ({
    name,
    label,
    summary,
    source,
    fields: [...describeSettings(schema)],
  }));
}

/** Named settings for common needs, weakest last. ε is the form's own. */
export const attackPresets: readonly z.infer<typeof attackPreset>[] = [
  { label: 'Quick look: PGD-10', attack: 'pgd', settings: { steps: 10, restarts: 1, randomStart: true } },
  { label: 'PGD-40', attack: 'pgd', settings: { steps: 40, restarts: 1, randomStart: true } },
  { label: 'PGD-200 × 10', attack: 'pgd', settings: { steps: 200, restarts: 10, randomStart: true } },
  { label: 'FGSM', attack: 'fgsm', settings: {} },
  { label: 'Random noise', attack: 'noise', settings: { trials: 1 } },
];

/** An attack ready to run. */
export interface ResolvedAttack {
  readonly attack: AnyAttack;
  readonly plan: AttackPlan;
  /** The settings with every default filled in, and the step size that is used. */
  readonly settings: AttackSpec['settings'];
  /** `PGD-200 × 10, ε 0.25`. */
  readonly label: string;
  /** Why its number alone is no claim of robustness; null if it is strong. */
  readonly weak: string | null;
}

/**
 * Looks an attack up and checks its settings.
 * @throws AppError `invalid-input` that names the attack or the wrong fields.
 */
export function resolveAttack(spec: AttackSpec): ResolvedAttack {
  const attack = ATTACKS.find((entry) => entry.name === spec.name);
  if (!attack) {
    const known = ATTACKS.map((entry) => entry.name).join(', ');
    throw new AppError('invalid-input', `There is no attack "${spec.name}". Known: ${known}.`, {
      details: { field: 'attack.name', found: spec.name },
    });
  }
  const settings = parseSettings(attack.schema, spec.settings, `attack ${attack.name}`) as AttackSpec['settings'];
  const plan = attack.plan(settings);
  return {
    attack,
    plan,
    settings: 'stepSize' in settings ? { ...settings, stepSize: plan.stepSize } : settings,
    label: `${attack.describe(plan)}, ${epsilonLabel(plan.epsilon)}`,
    weak: attack.weakness(plan),
  };
}

/**
 * Remarks that belong beside the attack's number.
 * @param classes number of classes, for the note on flat grey.
 */
export function attackNotes({ plan, settings, weak }: ResolvedAttack, classes: number): string[] {
  const notes: string[] = [];
  const reach = plan.steps * plan.stepSize;
  // A tenth of a per cent of slack: 40 × 0.01 is not 0.4 in floating point.
  if (plan.steps > 0 && reach < plan.epsilon * 0.999) {
    notes.push(
      `${plan.steps} steps of ${short(plan.stepSize)} move a pixel by at most ${short(reach)}, less than ε ${short(plan.epsilon)}: ` +
        'the attack cannot use its budget. Take more or larger steps.',
    );
  }
  if (settings['randomStart'] === false && Number(settings['restarts'] ?? 1) > 1) {
    notes.push('Without a random start every start is the same: one was run.');
  }
  if (plan.stopAtSuccess) {
    notes.push(
      'Examples were given up at their first success: the final-iterate accuracy is that of the first success.',
    );
  }
  const grey = flatGreyNote(plan.epsilon, classes);
  if (grey !== null) notes.push(grey);
  if (weak !== null) notes.push(weak);
  return notes;
}

function short(value: number): string {
  return epsilonNotations(value).unit;
}
