import type { InitialSource } from '../../shared/domain/architecture.ts';
import type { DefenceEntry } from '../../shared/domain/catalogue.ts';
import type { EngineChoice } from '../../shared/domain/engine.ts';
import type { SettingValue, SettingValues } from '../../shared/domain/settings.ts';
import type { SweepRequest } from '../../shared/domain/sweep.ts';
import { plainSettings } from '../evaluation/evaluation-form.ts';
import { baseOf, type Registries } from './sweep-form.ts';

/** A training as the new run's form has it. */
export interface AblatedRun {
  readonly dataset: string;
  readonly architecture: string;
  readonly architectureSettings: SettingValues;
  readonly initial: InitialSource | null;
  readonly freeze: readonly string[];
  readonly defence: string;
  readonly defenceSettings: SettingValues;
  readonly trainer: SettingValues;
  readonly seeds: readonly number[];
  readonly engine: EngineChoice;
  readonly deterministic: boolean;
}

/** What shows how much a defence is worth at a glance, and how much of that stays under a longer attack with restarts. */
const ATTACKS = [
  { name: 'pgd', settings: { steps: 40 }, epsilons: null },
  { name: 'pgd', settings: { steps: 200, restarts: 10 }, epsilons: null },
];

const same = (a: SettingValue | undefined, b: SettingValue | undefined): boolean =>
  JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/** Ablations of a defence that differ from it as it is set. */
export function ablationsOf(
  { ablations }: Pick<DefenceEntry, 'ablations'>,
  values: SettingValues,
): DefenceEntry['ablations'] {
  return ablations.filter(({ settings }) => Object.entries(settings).some(([key, value]) => !same(values[key], value)));
}

/** The sweep that trains a defence whole and with parts of it switched off, and attacks each at the ε it was trained at. */
export function ablationSweep(
  run: AblatedRun,
  entry: Pick<DefenceEntry, 'ablations'>,
  name: string,
  catalogue: Registries,
): SweepRequest {
  const { initial, freeze, defenceSettings, trainer } = run;
  const others: SettingValues = {
    ...(initial && { initial: initial.from === 'model' ? initial.model : initial.path }),
    ...(freeze.length > 0 && { freeze }),
  };
  const rows = ablationsOf(entry, defenceSettings).map(({ settings }) => settings);
  const switched = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  // Also where it is the default: the row of the whole says then what it has.
  const whole = Object.fromEntries(switched.map((key) => [key, defenceSettings[key] ?? null]));
  const epsilon = defenceSettings['epsilon'] ?? trainer['epsilon'];
  return {
    name,
    dataset: run.dataset,
    base: plainSettings({ ...baseOf({ ...run, others }, catalogue), ...whole }),
    list: [{}, ...rows.map(plainSettings)],
    seeds: [...run.seeds],
    evaluate: {
      attacks: ATTACKS,
      ...(typeof epsilon === 'number' && { epsilons: [epsilon] }),
    },
    ...(run.engine !== 'auto' && { engine: run.engine }),
    ...(run.deterministic && { deterministic: true }),
  };
}
