import type { z } from 'zod';
import type { AttackEntry, attackPreset } from '../../../shared/domain/catalogue.ts';
import { epsilonLabel, flatGreyNote } from '../../../shared/domain/epsilon.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { AttackSpec } from '../../../shared/domain/evaluation.ts';
import { shortHash } from '../../../shared/domain/module.ts';
import { describeSettings, parseSettings } from '../../../shared/domain/settings.ts';
import { findFacts, loadedModules, moduleAttack } from '../modules/loaded.ts';
import { resolvedFrom, unknownModule } from '../modules/facts.ts';
import type { AnyAttack } from './attack.ts';
import { apgd } from './apgd/apgd.ts';
import { autoattack } from './apgd/autoattack.ts';
import { bim } from './ascent/bim.ts';
import { boundary } from './decision/boundary.ts';
import { fgm } from './ascent/fgm.ts';
import { cw } from './minimal/cw.ts';
import { deepfool } from './minimal/deepfool.ts';
import { ead } from './minimal/ead.ts';
import { fab } from './minimal/fab.ts';
import { fgsm } from './ascent/fgsm.ts';
import { hopSkipJump } from './decision/hopskipjump.ts';
import { momentum } from './ascent/momentum.ts';
import { noise } from './ascent/noise.ts';
import { pgd } from './ascent/pgd.ts';
import type { AttackPlan, Family } from './plan.ts';
import { spatial } from './decision/spatial.ts';
import { spsa } from './decision/spsa.ts';
import { square } from './square/square.ts';

/** Every attack, in the order in which forms offer them. */
export const ATTACKS: readonly AnyAttack[] = [
  pgd,
  apgd,
  autoattack,
  square,
  fab,
  deepfool,
  cw,
  ead,
  bim,
  fgsm,
  fgm,
  momentum,
  spsa,
  hopSkipJump,
  boundary,
  spatial,
  noise,
];

/** The registry as data. */
export function attackEntries(): AttackEntry[] {
  return ATTACKS.map(attackEntry);
}

/** An attack as data. */
export function attackEntry(attack: AnyAttack): AttackEntry {
  const { name, label, summary, source, help, schema, transfers, targeted, minimal } = attack;
  const fields = [...describeSettings(schema)];
  return { name, label, summary, source, help, transfers, targeted, minimal, fields };
}

/**
 * Named settings for common needs; the first is what forms begin with. ε is the form's own. Those of papers: PGD-200 is the
 * longest attack of arXiv 1908.11435; steps of 50/255 from many starts are what Mosbach et al. 2018, arXiv 1810.12042,
 * broke logit pairing with.
 */
export const attackPresets: readonly z.infer<typeof attackPreset>[] = [
  { label: 'Quick look: PGD-10', attack: 'pgd', settings: { steps: 10, restarts: 1, randomStart: true } },
  { label: 'PGD-40', attack: 'pgd', settings: { steps: 40, restarts: 1, randomStart: true } },
  { label: 'Paper: PGD-200', attack: 'pgd', settings: { steps: 200, restarts: 1, randomStart: true } },
  { label: 'PGD-200 × 10', attack: 'pgd', settings: { steps: 200, restarts: 10, randomStart: true } },
  {
    label: 'ALP-breaking: PGD-200 × 50 with steps of 50/255',
    attack: 'pgd',
    settings: { steps: 200, stepSize: 50 / 255, restarts: 50, randomStart: true, stopAtSuccess: true },
  },
  { label: 'APGD-CE 100', attack: 'apgd', settings: { loss: 'cross-entropy', steps: 100, restarts: 1 } },
  { label: 'AutoAttack standard', attack: 'autoattack', settings: { version: 'standard' } },
  { label: 'FAB 100', attack: 'fab', settings: { steps: 100, restarts: 1 } },
  { label: 'FAB-T 100', attack: 'fab', settings: { mode: 'targeted', steps: 100, restarts: 1 } },
  { label: 'DeepFool L2 50', attack: 'deepfool', settings: { norm: 'l2', steps: 50 } },
  { label: 'C&W 9 × 1000', attack: 'cw', settings: { searches: 9, steps: 1000 } },
  { label: 'Square 5,000 queries', attack: 'square', settings: { queries: 5000, restarts: 1 } },
  { label: 'Transfer: MI-FGSM-10', attack: 'mi-fgsm', settings: { steps: 10, decay: 1 } },
  {
    label: 'Transfer: TI-DI-MI-FGSM-10',
    attack: 'mi-fgsm',
    settings: { steps: 10, decay: 1, diversity: 0.5, kernel: 7 },
  },
  { label: 'FGSM', attack: 'fgsm', settings: {} },
  { label: 'Random noise', attack: 'noise', settings: { trials: 1 } },
];

/** The families of built-in attacks, as far as defaults and presets reach them. */
export function builtInFamilies(): readonly Family[] {
  const usual = ATTACKS.map((attack) => attack.resolve({}).plan.family);
  const preset = attackPresets.flatMap(({ attack, settings }) => {
    return ATTACKS.find((one) => one.name === attack)?.resolve(settings).plan.family ?? [];
  });
  return [...usual, ...preset];
}

/** An attack ready to run. */
export interface ResolvedAttack {
  readonly attack: Pick<AnyAttack, 'name' | 'label'>;
  /** Hash of the module that it comes from; null for a built-in one. */
  readonly module: string | null;
  readonly plan: AttackPlan;
  /** The settings with every default filled in, and what those come to that follow from others. */
  readonly settings: AttackSpec['settings'];
  /** `PGD-200 × 10, ε 0.25`. */
  readonly label: string;
  /** Why its number alone is no claim of robustness; null if it is strong. */
  readonly weak: string | null;
  /** Other remarks that belong beside its number. */
  readonly notes: readonly string[];
}

/**
 * Looks an attack up and checks its settings. An attack of a module can be run where the module is loaded, in job hosts;
 * elsewhere it is what is known of it with just these settings.
 * @throws AppError `invalid-input` that names the attack or the wrong fields, `not-found` for an attack of a module that
 *   nothing is known of.
 */
export function resolveAttack(spec: AttackSpec): ResolvedAttack {
  const { module } = spec;
  const loaded = module === undefined ? undefined : moduleAttack(module, spec.name);
  if (module !== undefined && !loaded) {
    const facts = findFacts(spec);
    return facts ? resolvedFrom(facts, spec) : unknownModule(spec);
  }
  const attack = loaded ?? ATTACKS.find((entry) => entry.name === spec.name);
  if (!attack) {
    const known = ATTACKS.map((entry) => entry.name).join(', ');
    throw new AppError('invalid-input', `There is no attack "${spec.name}". Known: ${known}.`, {
      details: { field: 'attack.name', found: spec.name },
    });
  }
  const settings = parseSettings(attack.schema, spec.settings, `attack ${attack.name}`) as AttackSpec['settings'];
  const { plan, title, weak, notes, used } = attack.resolve(settings);
  return {
    attack,
    module: module ?? null,
    plan,
    settings: { ...settings, ...used },
    label: `${title}, ${plan.family.threat?.(plan) ?? epsilonLabel(plan)}`,
    weak,
    notes,
  };
}

/**
 * The attack with every default written out, so that it stays what it was when defaults change. A step size that follows
 * from ε stays null, as a rule to repeat; the result has the size that was used.
 */
export function completedAttack(
  { name, settings: given, module }: AttackSpec,
  { settings }: ResolvedAttack,
): AttackSpec {
  const { stepSize = null } = given;
  const complete = 'stepSize' in settings ? { ...settings, stepSize } : settings;
  return { name, settings: complete, ...(module !== undefined && { module }) };
}

/**
 * Remarks that belong beside the attack's number.
 * @param classes number of classes, for the note on flat grey.
 */
export function attackNotes({ plan, notes, weak, module }: ResolvedAttack, classes: number): string[] {
  const grey = plan.norm === 'linf' && !plan.family.threat ? flatGreyNote(plan.epsilon, classes) : null;
  const { file } = loadedModules().find(({ hash }) => hash === module) ?? {};
  const origin = file === undefined || module === null ? null : `Attack of the module ${file} (${shortHash(module)}).`;
  return [...notes, grey, weak, origin].filter((note) => note !== null);
}
