import type { CheckState } from '../../shared/domain/check.ts';
import type { Norm } from '../../shared/domain/evaluation.ts';
import type { ResultCell, ResultTable, RunRow } from '../../shared/domain/library.ts';
import { countedNumbers, numberOnClean, type LabelledNumber } from '../evaluation/table-numbers.ts';

export interface CompareRow {
  readonly run: RunRow;
  /** Shares 0…1; null where not measured. Validation numbers are of the held-out part, at the end of training. */
  readonly validationClean: number | null;
  readonly validationAdversarial: number | null;
  /** Clean accuracy in the result table, on the images of the worst case where the run was measured on them. */
  readonly evaluatedClean: number | null;
  readonly evaluatedImages: number | null;
  /** Worst case per example over every attack on the run up to one ε, white-box and transfer. */
  readonly worstCase: ResultTable['worstCase'][string] | null;
  /** Norm that its ε is measured in; null without a worst case. */
  readonly norm: Norm | null;
  /** The numbers that it counts, the lowest first, and one on the images of the clean accuracy: all have examples. */
  readonly counted: readonly LabelledNumber[];
  readonly onClean: ResultCell | null;
  /** The newest gradient-masking check; null where none was run. */
  readonly check: CheckState | null;
}

export type CompareNumber = 'validationClean' | 'validationAdversarial' | 'evaluatedClean' | 'worstCase';

/** Mean and sample standard deviation over the seeds of one configuration; null where fewer than two have the number. */
export interface SeedSummary {
  readonly key: string;
  readonly defence: string;
  readonly architecture: string;
  readonly seeds: readonly number[];
  readonly numbers: Readonly<
    Record<CompareNumber, { readonly mean: number; readonly deviation: number; readonly count: number } | null>
  >;
}

/** The chosen runs with their numbers; `tables` are the result tables of their data sets. */
export function compareRows(runs: readonly RunRow[], tables: readonly ResultTable[]): readonly CompareRow[] {
  return runs.map((run) => {
    const table = tables.find((candidate) => candidate.dataset === run.config.dataset);
    return {
      run,
      validationClean: run.result?.cleanAccuracy ?? null,
      validationAdversarial: run.result?.adversarialAccuracy ?? null,
      evaluatedClean: table?.clean[run.id] ?? null,
      evaluatedImages: table?.cleanExamples[run.id] ?? null,
      worstCase: table?.worstCase[run.id] ?? null,
      norm: table?.worstBasis?.norm ?? null,
      counted: table ? countedNumbers(table, run.id) : [],
      onClean: table ? numberOnClean(table, run.id) : null,
      check: table?.checks[run.id] ?? null,
    };
  });
}

/** Groups of rows that differ in nothing but the seed, for groups of at least two. */
export function seedSummaries(rows: readonly CompareRow[]): readonly SeedSummary[] {
  const groups = new Map<string, CompareRow[]>();
  for (const row of rows) {
    const {
      name: _name,
      seed: _seed,
      engine: _engine,
      deterministic: _deterministic,
      ...configuration
    } = row.run.config;
    const key = stableText(configuration);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups].flatMap(([key, members]) => {
    const [first] = members;
    if (!first || members.length < 2) return [];
    return [
      {
        key,
        defence: first.run.config.defence,
        architecture: first.run.config.architecture,
        seeds: members.map((row) => row.run.config.seed),
        numbers: {
          validationClean: spread(members.map((row) => row.validationClean)),
          validationAdversarial: spread(members.map((row) => row.validationAdversarial)),
          evaluatedClean: spread(members.map((row) => row.evaluatedClean)),
          worstCase: spread(members.map((row) => row.worstCase?.accuracy ?? null)),
        },
      },
    ];
  });
}

function spread(values: readonly (number | null)[]): SeedSummary['numbers'][CompareNumber] {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return null;
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const variance = known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (known.length - 1);
  return { mean, deviation: Math.sqrt(variance), count: known.length };
}

/** JSON with sorted keys: equal for equal configurations, whatever the order in which they were written. */
function stableText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(stableText).join()}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${key}:${stableText(inner)}`).join()}}`;
}
