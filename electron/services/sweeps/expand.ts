import type { Catalogue } from '../../../shared/domain/catalogue.ts';
import type { SettingValue, SettingValues } from '../../../shared/domain/settings.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { TRAINING_PART } from '../../../shared/domain/sweep.ts';
import type { SweepParts } from '../../../shared/domain/sweep.ts';
import { MOST_TRAININGS } from '../../../shared/domain/sweep-view.ts';
import { flatOf, placeSettings } from './settings.ts';
import type { PlacedSettings } from './settings.ts';

/** One training of a sweep. */
export interface SweepTraining {
  /** The same for the same settings and seed, whatever the order in the file. */
  readonly key: string;
  readonly label: string;
  readonly seed: number;
  readonly placed: PlacedSettings;
}

/** Trainings that differ in nothing but the seed: a row of the table. */
export interface SweepGroup {
  readonly label: string;
  /** Settings that vary over the sweep, where this group has them. */
  readonly varied: SettingValues;
  readonly trainings: readonly SweepTraining[];
}

export interface SweepExpansion {
  readonly groups: readonly SweepGroup[];
  readonly surrogates: readonly (SweepTraining & { readonly name: string })[];
}

/** Seed of a surrogate that names none: none that a target usually has. */
const SURROGATE_SEED = 1000;

/** How many trainings a sweep asks for, equal ones counted as often as they are named; cheap however many there are. */
export function countTrainings({ grid = {}, list = [{}], seeds = [0], surrogates = {} }: SweepParts): number {
  const combinations = Object.values(grid).reduce((product, axis) => product * axis.length, list.length);
  return combinations * seeds.length + Object.keys(surrogates).length;
}

/** The same. @throws AppError `invalid-input` for more trainings than anybody waits for. */
export function boundedTrainings(parts: SweepParts): number {
  const count = countTrainings(parts);
  if (count <= MOST_TRAININGS) return count;
  throw new AppError(
    'invalid-input',
    `This sweep asks for ${count} trainings; ${MOST_TRAININGS} are the most. Shorten an axis.`,
  );
}

/**
 * Every training of a sweep: rows × combinations of the grid × seeds. A setting that a training's architecture and
 * defence do not have is left out there, and trainings that are then equal are one.
 */
export function expandSweep(parts: SweepParts, catalogue: Catalogue): SweepExpansion {
  const { base = {}, grid = {}, list = [{}], seeds = [0], surrogates = {} } = parts;
  const rows = list.flatMap((row) => combinations(grid).map((point) => ({ ...base, ...point, ...row })));
  const placed = new Map(
    rows.map((row) => {
      const one = placeSettings(row, catalogue);
      return [keyOf(flatOf(one)), one] as const;
    }),
  );
  const flats = [...placed.values()].map(flatOf);
  const named = [...new Set([...Object.keys(grid), ...list.flatMap((row) => Object.keys(row))])];
  const varying = named.filter((key) => new Set(flats.map((flat) => canonical(flat[key] ?? null))).size > 1);
  const groups = [...placed.values()].map((one): SweepGroup => {
    const flat = flatOf(one);
    const varied = Object.fromEntries(
      varying.flatMap((key): [string, SettingValue][] => {
        const value = flat[key];
        return value === undefined ? [] : [[key, value]];
      }),
    );
    const label = labelOf(one.defence, varied);
    return {
      label,
      varied,
      trainings: [...new Set(seeds)].map((seed) => trainingOf(one, seed, `${label}, seed ${seed}`)),
    };
  });
  return {
    groups,
    surrogates: Object.entries(surrogates).map(([name, { seed = SURROGATE_SEED, ...own }]) => ({
      name,
      ...trainingOf(
        placeSettings({ ...base, defence: 'natural', ...own }, catalogue),
        Number(seed),
        `surrogate ${name}`,
      ),
    })),
  };
}

function trainingOf(placed: PlacedSettings, seed: number, label: string): SweepTraining {
  return { key: keyOf({ ...flatOf(placed), seed }), label, seed, placed };
}

function combinations(grid: Readonly<Record<string, readonly SettingValue[]>>): SettingValues[] {
  return Object.entries(grid).reduce<SettingValues[]>(
    (points, [key, values]) => points.flatMap((point) => values.map((value) => ({ ...point, [key]: value }))),
    [{}],
  );
}

/** `at-alp, alpha 0.5`. */
function labelOf(defence: string, { defence: _, ...others }: SettingValues): string {
  const rest = Object.entries(others).map(([key, value]) =>
    key === 'architecture' ? String(value) : `${key} ${textOf(value)}`,
  );
  return [defence, ...rest].join(', ');
}

function textOf(value: SettingValue): string {
  if (!Array.isArray(value)) return String(value);
  return value.length > 0 ? value.join(' + ') : 'none';
}

function keyOf(settings: SettingValues): string {
  return `${TRAINING_PART}${canonical(settings)}`;
}

/** JSON with the keys of every object in order. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
