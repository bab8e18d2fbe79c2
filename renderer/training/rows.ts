import type { SettingField, SettingValue, SettingValues } from '../../shared/domain/settings.ts';
import type { JobRow, RunRow } from '../../shared/domain/library.ts';
import type { ModelSummary } from '../../shared/domain/model.ts';
import type { TrainPoint } from '../../shared/domain/train-point.ts';
import { t } from '../i18n/index.ts';
import { formatSignificant } from '../ui/format.ts';

/** A line of the training table: a run, or weights that were imported. */
export type TrainingRow =
  | {
      readonly id: string;
      readonly kind: 'run';
      readonly name: string;
      readonly colour: number;
      readonly run: RunRow;
      readonly job: JobRow | null;
    }
  | {
      readonly id: string;
      readonly kind: 'model';
      readonly name: string;
      readonly colour: number;
      readonly model: ModelSummary;
    };

/** Runs, newest first, then imported weights. */
export function trainingRows(
  runs: readonly RunRow[],
  models: readonly ModelSummary[],
  jobs: ReadonlyMap<string, JobRow>,
): readonly TrainingRow[] {
  return [
    ...runs
      .toSorted((a, b) => b.created.localeCompare(a.created))
      .map((run) => ({
        id: run.id,
        kind: 'run' as const,
        name: run.name,
        colour: run.colour,
        run,
        job: jobs.get(run.id) ?? null,
      })),
    ...models
      .filter((model) => model.origin === 'imported')
      .map((model) => ({ id: model.id, kind: 'model' as const, name: model.name, colour: model.colour, model })),
  ];
}

export function rowDefence(row: TrainingRow): string | null {
  return row.kind === 'run' ? row.run.config.defence : row.model.defence;
}

export function rowDataset(row: TrainingRow): string | null {
  return row.kind === 'run' ? row.run.config.dataset : row.model.dataset;
}

export function rowArchitecture(row: TrainingRow): string {
  return row.kind === 'run' ? row.run.config.architecture : row.model.architecture;
}

export function rowSeed(row: TrainingRow): number | null {
  return row.kind === 'run' ? row.run.config.seed : row.model.seed;
}

/** A setting's value for reading. */
export function settingText(value: SettingValue | undefined): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'number') return formatSignificant(value, 4);
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'boolean' ? t(value ? 'ui.yes' : 'ui.no') : String(value);
}

const ALWAYS = /epsilon|weight|lambda|alpha|beta/i;

/** What tells a run from others: ε and weights first, then settings that differ from their defaults: `ε 0.25, α 0.5`. */
export function keySettings(fields: readonly SettingField[], values: SettingValues): string {
  const telling = fields.filter((field) => !field.advanced && values[field.key] != null);
  return [
    ...telling.filter((field) => ALWAYS.test(field.key)),
    ...telling.filter((field) => !ALWAYS.test(field.key) && !sameValue(values[field.key] ?? null, field.default)),
  ]
    .slice(0, 4)
    .map((field) => `${shortLabel(field.label)} ${settingText(values[field.key])}`)
    .join(', ');
}

/** A label that begins with a symbol is known by it: `α logit pairing` → `α`. */
function shortLabel(label: string): string {
  return /^[\u0370-\u03ff] /.test(label) ? label.slice(0, 1) : label;
}

function sameValue(a: SettingValue, b: SettingValue): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Newest accuracies 0…1 on the validation part: of the result, or of the last validation while the run goes on. */
export function latestAccuracy(
  run: RunRow,
  points: readonly TrainPoint[],
): { readonly clean: number | null; readonly adversarial: number | null } {
  if (run.result?.cleanAccuracy != null)
    return { clean: run.result.cleanAccuracy, adversarial: run.result.adversarialAccuracy };
  const last = points.findLast((point) => point.type === 'validation');
  return last
    ? { clean: last.cleanAccuracy, adversarial: last.adversarialAccuracy }
    : { clean: null, adversarial: null };
}
