import type { CheckDepth } from '../../shared/domain/check.ts';
import type { EngineChoice } from '../../shared/domain/engine.ts';
import type { SettingField, SettingValue, SettingValues } from '../../shared/domain/settings.ts';
import type { SweepRequest } from '../../shared/domain/sweep.ts';
import { plainSettings } from '../evaluation/evaluation-form.ts';
import { parseList, type PlanFormAttack } from '../evaluation/plan/plan-form.ts';
import { defaultValues, formProblems, parseSeeds } from '../ui/form.ts';
import { axisOf, axisValues, type SweepAxis } from './axes.ts';

type Evaluation = NonNullable<SweepRequest['evaluate']>;
type Check = NonNullable<SweepRequest['check']>;
type Surrogates = NonNullable<SweepRequest['surrogates']>;
type Fields = ReadonlyMap<string, SettingField>;
type Entries = readonly { readonly name: string; readonly fields: readonly SettingField[] }[];
/** What of the catalogue a form is made from. */
export interface Registries {
  readonly architectures: Entries;
  readonly defences: Entries;
  readonly attacks: Entries;
  readonly trainer: readonly SettingField[];
}

/** The sweep dialog's form while it is being filled in. What it has no field for is kept as it was given. */
export interface SweepForm {
  name: string;
  dataset: string;
  architecture: string;
  defence: string;
  architectureSettings: SettingValues;
  defenceSettings: SettingValues;
  trainer: SettingValues;
  /** Of the base: weights to start from, frozen stages, and settings of other defences. */
  others: SettingValues;
  axes: readonly SweepAxis[];
  rows: SweepRequest['list'] | null;
  /** As typed: `0-2`. */
  seeds: string;
  evaluates: boolean;
  attacks: readonly PlanFormAttack[];
  /** As typed: `0.1, 8/255`. */
  epsilons: string;
  count: number | null;
  evaluation: Omit<Evaluation, 'attacks' | 'epsilons' | 'examples'>;
  examples: Omit<NonNullable<Evaluation['examples']>, 'count'> | null;
  grayBox: boolean;
  /** Architecture of the black-box surrogate; empty: none. */
  blackBox: string;
  surrogates: Surrogates;
  checks: boolean;
  checkDepth: CheckDepth;
  checkEpsilon: number | null;
  check: Omit<Check, 'depth' | 'epsilon'>;
  attends: boolean;
  attention: NonNullable<SweepRequest['attention']>;
  engine: EngineChoice | undefined;
  deterministic: boolean | undefined;
}

export const SWEEP_PROBLEMS = [
  'name',
  'dataset',
  'settings',
  'axes',
  'seeds',
  'attacks',
  'epsilons',
  'count',
  'check',
] as const;
export type SweepProblem = (typeof SWEEP_PROBLEMS)[number];

const GRAY_BOX = 'gray-box';
const BLACK_BOX = 'black-box';

const fieldsOf = (entries: Entries, name: string): readonly SettingField[] =>
  entries.find((entry) => entry.name === name)?.fields ?? [];

/** The form filled with a sweep; without one, with what is usual. */
export function sweepFormOf(request: Partial<SweepRequest>, catalogue: Registries): SweepForm {
  const { base = {}, grid = {}, list, seeds = [0], surrogates = {}, evaluate, check, attention } = request;
  const architecture = textOf(base['architecture'], catalogue.architectures[0]?.name);
  const defence = textOf(base['defence'], catalogue.defences[0]?.name);
  const taken = new Set<string>(['architecture', 'defence']);
  /** Values of the base for these fields: a key counts where it is first met, as when a training is placed. */
  const take = (fields: readonly SettingField[]): SettingValues => {
    const own = fields.filter(({ key }) => key in base && !taken.has(key));
    own.forEach(({ key }) => taken.add(key));
    return { ...defaultValues(fields), ...Object.fromEntries(own.map(({ key }) => [key, base[key] ?? null])) };
  };
  const trainer = take(catalogue.trainer);
  const architectureSettings = take(fieldsOf(catalogue.architectures, architecture));
  const defenceSettings = take(fieldsOf(catalogue.defences, defence));
  const { attacks = [], epsilons = [], examples, ...evaluation } = evaluate ?? { attacks: [] };
  const { [GRAY_BOX]: gray, [BLACK_BOX]: black, ...others } = surrogates;
  const plainGray = gray !== undefined && Object.keys(gray).length === 0;
  const blackName = black?.['architecture'];
  const plainBlack = black !== undefined && Object.keys(black).length === 1 && typeof blackName === 'string';
  const { depth = 'quick', epsilon = 0.25, ...checkRest } = check ?? {};
  const { count = 500, ...exampleRest } = examples ?? { count: 500 };
  return {
    name: request.name ?? '',
    dataset: request.dataset ?? '',
    architecture,
    defence,
    architectureSettings,
    defenceSettings,
    trainer,
    others: Object.fromEntries(Object.entries(base).filter(([key]) => !taken.has(key))),
    axes: Object.entries(grid).map(([key, values]) => axisOf(key, values)),
    rows: list ?? null,
    seeds: seeds.join(', '),
    evaluates: Boolean(evaluate),
    attacks: attacks.map((attack) => {
      const {
        name,
        settings,
        epsilons: own,
      } = typeof attack === 'string' ? { name: attack, settings: {}, epsilons: null } : attack;
      const usual = defaultValues(fieldsOf(catalogue.attacks, name));
      return { name, settings: { ...usual, ...settings }, epsilons: (own ?? []).join(', ') };
    }),
    epsilons: epsilons.join(', '),
    count,
    evaluation,
    examples: examples ? (exampleRest as SweepForm['examples']) : null,
    grayBox: plainGray,
    blackBox: plainBlack ? blackName : '',
    surrogates: {
      ...others,
      ...(gray && !plainGray && { [GRAY_BOX]: gray }),
      ...(black && !plainBlack && { [BLACK_BOX]: black }),
    },
    checks: Boolean(check),
    checkDepth: depth,
    checkEpsilon: epsilon,
    check: checkRest,
    attends: Boolean(attention),
    attention: attention ?? {},
    engine: request.engine,
    deterministic: request.deterministic,
  };
}

/** What keeps the form from being a sweep. */
export function sweepProblems(form: SweepForm, catalogue: Registries, fields: Fields): readonly SweepProblem[] {
  const isWrong = (own: readonly SettingField[], values: SettingValues): boolean =>
    Object.keys(formProblems(own, values)).length > 0;
  const epsilons = parseList(form.epsilons);
  const wrong: Readonly<Record<SweepProblem, boolean>> = {
    name: form.name.trim() === '',
    dataset: form.dataset === '',
    settings:
      isWrong(catalogue.trainer, form.trainer) ||
      isWrong(fieldsOf(catalogue.architectures, form.architecture), form.architectureSettings) ||
      isWrong(fieldsOf(catalogue.defences, form.defence), form.defenceSettings),
    axes: form.axes.some((axis) => axisValues(axis, fields.get(axis.key)) === null),
    seeds: parseSeeds(form.seeds) === null,
    attacks: form.evaluates && form.attacks.length === 0,
    epsilons: form.evaluates && !epsilons?.every((epsilon) => epsilon >= 0),
    count: form.evaluates && form.count !== null && !(Number.isInteger(form.count) && form.count >= 1),
    check: form.checks && !(form.checkEpsilon !== null && form.checkEpsilon > 0 && form.checkEpsilon <= 1),
  };
  return SWEEP_PROBLEMS.filter((problem) => wrong[problem]);
}

/** The sweep that a form without problems describes; settings that are the defaults are left out. */
export function sweepRequestOf(form: SweepForm, catalogue: Registries, fields: Fields): SweepRequest {
  const grid = Object.fromEntries(
    form.axes.map((axis) => [axis.key, [...(axisValues(axis, fields.get(axis.key)) ?? [])] as SettingValue[]]),
  ) as NonNullable<SweepRequest['grid']>;
  const surrogates = {
    ...(form.grayBox && { [GRAY_BOX]: {} }),
    ...(form.blackBox !== '' && { [BLACK_BOX]: { architecture: form.blackBox } }),
    ...form.surrogates,
  };
  return {
    name: form.name.trim(),
    dataset: form.dataset,
    base: plainSettings(baseOf(form, catalogue)),
    ...(form.axes.length > 0 && { grid }),
    ...(form.rows && { list: form.rows }),
    seeds: [...(parseSeeds(form.seeds) ?? [0])],
    ...(Object.keys(surrogates).length > 0 && { surrogates }),
    ...(form.evaluates && { evaluate: evaluationOf(form, catalogue) }),
    ...(form.checks && {
      check: {
        ...form.check,
        depth: form.checkDepth,
        ...(form.checkEpsilon !== null && { epsilon: form.checkEpsilon }),
      },
    }),
    ...(form.attends && { attention: form.attention }),
    ...(form.engine !== undefined && { engine: form.engine }),
    ...(form.deterministic !== undefined && { deterministic: form.deterministic }),
  };
}

/** Settings of every training side by side, without those that are the defaults. */
export function baseOf(
  form: Pick<SweepForm, 'architecture' | 'defence' | 'architectureSettings' | 'defenceSettings' | 'trainer' | 'others'>,
  catalogue: Registries,
): SettingValues {
  const { architecture, defence } = form;
  return {
    architecture,
    defence,
    ...form.others,
    ...changed(fieldsOf(catalogue.defences, defence), form.defenceSettings),
    ...changed(fieldsOf(catalogue.architectures, architecture), form.architectureSettings),
    ...changed(catalogue.trainer, form.trainer),
  };
}

function evaluationOf(form: SweepForm, { attacks }: Registries): Evaluation {
  const epsilons = parseList(form.epsilons) ?? [];
  return {
    ...form.evaluation,
    attacks: form.attacks.map(({ name, settings, epsilons: typed }) => {
      const given = parseList(typed) ?? [];
      const own = plainSettings(changed(fieldsOf(attacks, name), settings));
      return { name, settings: own, epsilons: given.length > 0 ? [...given] : null };
    }),
    ...(epsilons.length > 0 && { epsilons: [...epsilons] }),
    examples: { split: 'test', sample: false, seed: 0, ...form.examples, count: form.count },
  };
}

function changed(fields: readonly SettingField[], values: SettingValues): SettingValues {
  return Object.fromEntries(
    fields.flatMap(({ key, default: standard }): [string, SettingValue][] => {
      const value = values[key];
      return value === undefined || JSON.stringify(value) === JSON.stringify(standard) ? [] : [[key, value]];
    }),
  );
}

function textOf(value: SettingValue | undefined, usual: string | undefined): string {
  return typeof value === 'string' ? value : (usual ?? '');
}
