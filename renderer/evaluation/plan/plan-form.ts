import type { Catalogue } from '../../../shared/domain/catalogue.ts';
import type { EngineChoice } from '../../../shared/domain/engine.ts';
import type { Goal } from '../../../shared/domain/evaluation.ts';
import type { PlanExtension, PlanRequest, PlanRequestInput } from '../../../shared/domain/plan.ts';
import type { SettingValues } from '../../../shared/domain/settings.ts';
import { presetValues } from '../attack-advice.ts';
import { plainSettings } from '../evaluation-form.ts';

/** One attack of the plan while the form is being filled in. */
export interface PlanFormAttack {
  readonly name: string;
  readonly settings: SettingValues;
  /** ε of its own, as typed; empty: the plan's. */
  readonly epsilons: string;
}

/** The plan dialog while it is being filled in. */
export interface PlanForm {
  name: string;
  dataset: string;
  models: readonly string[];
  attacks: readonly PlanFormAttack[];
  /** As typed: `0.1, 8/255`. */
  epsilons: string;
  whiteBox: boolean;
  /** Models that x′ is made on, each by itself. */
  sources: readonly string[];
  /** One more source: all of them together. */
  ensemble: boolean;
  goal: Goal;
  split: 'validation' | 'test';
  which: 'first' | 'sample' | 'all';
  count: number | null;
  sampleSeed: number | null;
  /** As typed: `0, 1, 2`. */
  seeds: string;
  mode: PlanRequest['mode'];
  includeMisclassified: boolean;
  batchSize: number | null;
  engine: EngineChoice;
  deterministic: boolean;
}

export type PlanProblem =
  | 'no-models'
  | 'no-attacks'
  | 'no-source'
  | 'ensemble'
  | 'epsilons'
  | 'attack-epsilons'
  | 'count'
  | 'sample-seed'
  | 'seeds'
  | 'batch-size';

export function emptyPlanForm(dataset: string): PlanForm {
  return {
    name: '',
    dataset,
    models: [],
    attacks: [],
    epsilons: '',
    whiteBox: true,
    sources: [],
    ensemble: false,
    goal: 'untargeted',
    split: 'test',
    which: 'first',
    count: 500,
    sampleSeed: 0,
    seeds: '0',
    mode: 'survivors',
    includeMisclassified: false,
    batchSize: 500,
    engine: 'auto',
    deterministic: false,
  };
}

/** The form filled with a plan, to be extended or made anew. */
export function planFormOf(request: PlanRequest, keepName: string | null = null): PlanForm {
  const { examples } = request;
  const made = request.sources.filter((source) => source.length > 0);
  return {
    name: keepName ?? '',
    dataset: request.dataset,
    models: [...request.models],
    attacks: request.attacks.map(({ name, settings, epsilons }) => ({
      name,
      settings: { ...settings },
      epsilons: listText(epsilons ?? []),
    })),
    epsilons: listText(request.epsilons),
    whiteBox: request.sources.some((source) => source.length === 0),
    sources: [...new Set(made.flat())],
    ensemble: made.some((source) => source.length > 1),
    goal: request.goal,
    split: examples.split,
    which: examples.count === null ? 'all' : examples.sample ? 'sample' : 'first',
    count: examples.count ?? 500,
    sampleSeed: examples.seed,
    seeds: listText(request.seeds),
    mode: request.mode,
    includeMisclassified: request.includeMisclassified,
    batchSize: request.batchSize,
    engine: request.engine,
    deterministic: request.deterministic,
  };
}

/**
 * Numbers of a list as people type them, separated by commas, semicolons or spaces; `8/255` is a number.
 * @returns null if something in it is none.
 */
export function parseList(text: string): readonly number[] | null {
  const parts = text.split(/[\s,;]+/).filter((part) => part !== '');
  const numbers = parts.map((part) => {
    const [above = '', below = '1', ...more] = part.split('/');
    return more.length > 0 || above === '' || below === '' ? Number.NaN : Number(above) / Number(below);
  });
  return numbers.every(Number.isFinite) ? numbers : null;
}

function listText(numbers: readonly number[]): string {
  return numbers.map((value) => String(Number(value.toPrecision(10)))).join(', ');
}

/** What keeps the form from being sent, apart from the attacks' own settings. */
export function planProblems(form: PlanForm): readonly PlanProblem[] {
  const isEpsilons = (text: string): boolean => parseList(text)?.every((value) => value >= 0) ?? false;
  const seeds = parseList(form.seeds);
  const checks: readonly (readonly [PlanProblem, boolean])[] = [
    ['no-models', form.models.length === 0],
    ['no-attacks', form.attacks.length === 0],
    ['no-source', !form.whiteBox && form.sources.length === 0],
    ['ensemble', form.ensemble && form.sources.length < 2],
    ['epsilons', !isEpsilons(form.epsilons)],
    ['attack-epsilons', form.attacks.some(({ epsilons }) => !isEpsilons(epsilons))],
    ['count', form.which !== 'all' && !isWhole(form.count, 1)],
    ['sample-seed', form.which === 'sample' && !isWhole(form.sampleSeed, 0)],
    ['seeds', !seeds || seeds.length === 0 || !seeds.every((seed) => isWhole(seed, 0))],
    ['batch-size', !isWhole(form.batchSize, 1) || (form.batchSize ?? 0) > 4096],
  ];
  return checks.filter(([, wrong]) => wrong).map(([problem]) => problem);
}

/** The request that the form describes; call it on a form without problems. */
export function planRequestOf(form: PlanForm): PlanRequestInput {
  const name = form.name.trim();
  return {
    ...(name !== '' && { name }),
    dataset: form.dataset,
    models: [...form.models],
    attacks: form.attacks.map(({ name: attack, settings, epsilons }) => {
      const own = parseList(epsilons) ?? [];
      return { name: attack, settings: plainSettings(settings), epsilons: own.length > 0 ? [...own] : null };
    }),
    epsilons: [...(parseList(form.epsilons) ?? [])],
    sources: [
      ...(form.whiteBox ? [[]] : []),
      ...form.sources.map((id) => [id]),
      ...(form.ensemble && form.sources.length > 1 ? [[...form.sources]] : []),
    ],
    goal: form.goal,
    examples: {
      split: form.split,
      count: form.which === 'all' ? null : (form.count ?? 1),
      sample: form.which === 'sample',
      seed: form.which === 'sample' ? (form.sampleSeed ?? 0) : 0,
    },
    includeMisclassified: form.includeMisclassified,
    seeds: [...(parseList(form.seeds) ?? [0])],
    mode: form.mode,
    batchSize: form.batchSize ?? 500,
    engine: form.engine,
    deterministic: form.deterministic,
  };
}

/**
 * What the form adds to a plan; null if it takes something away or changes what all numbers rest on: a plan only grows.
 */
export function planExtensionOf(id: string, plan: PlanRequest, form: PlanForm): PlanExtension | null {
  const asked = planRequestOf(form);
  const models = added(plan.models, asked.models);
  const attacks = added(plan.attacks, asked.attacks as PlanRequest['attacks']);
  const epsilons = added(plan.epsilons, asked.epsilons ?? []);
  const sources = added(plan.sources, asked.sources ?? []);
  const seeds = added(plan.seeds, asked.seeds ?? []);
  const basis = ({ dataset, goal, examples, mode, includeMisclassified }: PlanRequest | PlanRequestInput): string =>
    key([dataset, goal, examples, mode, includeMisclassified]);
  if (!models || !attacks || !epsilons || !sources || !seeds || basis(plan) !== basis(asked)) return null;
  return {
    id,
    models: [...models],
    attacks: [...attacks],
    epsilons: [...epsilons],
    sources: [...sources],
    seeds: [...seeds],
  };
}

/** What `now` has and `before` has not; null if something of `before` is missing. */
function added<T>(before: readonly T[], now: readonly T[]): readonly T[] | null {
  const [old, kept] = [new Set(before.map(key)), new Set(now.map(key))];
  return [...old].every((one) => kept.has(one)) ? now.filter((one) => !old.has(key(one))) : null;
}

/** A value as text that does not depend on the order of its properties. */
function key(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** A preset, or an attack with its defaults, as an attack of the form. */
export function planAttackOf(
  choice: { readonly attack: string; readonly settings: SettingValues },
  catalogue: Pick<Catalogue, 'attacks'>,
): PlanFormAttack {
  const fields = catalogue.attacks.find(({ name }) => name === choice.attack)?.fields ?? [];
  return { name: choice.attack, settings: presetValues(fields, choice.settings), epsilons: '' };
}

function isWhole(value: number | null, least: number): boolean {
  return value !== null && Number.isInteger(value) && value >= least;
}
