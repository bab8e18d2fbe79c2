import type { CheckState } from '../../shared/domain/check.ts';
import { THREATS } from '../../shared/domain/evaluation.ts';
import type { Threat } from '../../shared/domain/evaluation.ts';
import type { ResultCell, ResultTable, WorstBasis } from '../../shared/domain/library.ts';
import type { ModelSummary } from '../../shared/domain/model.ts';
import { countedNumbers, numberOnClean, type LabelledNumber } from './table-numbers.ts';

export interface GridColumn {
  readonly key: string;
  /** All that it measures, with its sources. */
  readonly label: string;
  /** The same without the sources, line by line. */
  readonly lines: readonly string[];
  readonly threat: Threat;
  /** Models that made x′ together; none for white-box columns. */
  readonly sources: readonly string[];
}

/** One cell as the table shows it. `best`: highest of its column, where that comparison is fair. */
export interface GridCell {
  readonly result: ResultCell;
  readonly best: boolean;
}

export interface GridRow {
  readonly id: string;
  readonly name: string;
  readonly detail: string;
  readonly colour: number;
  readonly clean: number | null;
  /** Images that `clean` is over; null without one. */
  readonly cleanExamples: number | null;
  readonly cells: readonly (GridCell | null)[];
  readonly worstCase: ResultTable['worstCase'][string] | null;
  /** The numbers that the worst case counts, the lowest first. */
  readonly counted: readonly LabelledNumber[];
  /** A number on the images of `clean`, for its examples. */
  readonly onClean: ResultCell | null;
  /** The newest gradient-masking check; null where none was run. */
  readonly check: CheckState | null;
}

export interface ResultGrid {
  readonly groups: readonly { readonly threat: Threat; readonly columns: number }[];
  readonly columns: readonly GridColumn[];
  readonly rows: readonly GridRow[];
  /** What every worst case is counted at; null without one. */
  readonly worst: WorstBasis | null;
}

/**
 * The result table laid out for reading: columns by threat (white, gray, black box), a row for each model.
 * A column's best number is marked only if at least two models have one and all were measured on as many examples.
 */
export function resultGrid(table: ResultTable, models: readonly ModelSummary[]): ResultGrid {
  const columns = THREATS.flatMap((threat) => table.columns.filter((column) => column.threat === threat)).map(
    ({ key, label, heading, threat, sources }): GridColumn => ({
      key,
      label,
      lines: heading.split(', '),
      threat,
      sources,
    }),
  );
  const best = new Map(columns.map((column) => [column.key, bestOf(table, column.key)]));
  return {
    worst: table.worstBasis,
    columns,
    groups: THREATS.map((threat) => ({
      threat,
      columns: columns.filter((column) => column.threat === threat).length,
    })).filter((group) => group.columns > 0),
    rows: table.models.map((id) => {
      const model = models.find((candidate) => candidate.id === id);
      return {
        id,
        name: model?.name ?? id,
        detail: model ? modelDetail(model) : '',
        colour: model?.colour ?? 0,
        clean: table.clean[id] ?? null,
        cleanExamples: table.cleanExamples[id] ?? null,
        cells: columns.map((column) => {
          const result = table.cells[id]?.[column.key];
          return result ? { result, best: best.get(column.key) === result.robustAccuracy } : null;
        }),
        worstCase: table.worstCase[id] ?? null,
        counted: countedNumbers(table, id),
        onClean: numberOnClean(table, id),
        check: table.checks[id] ?? null,
      };
    }),
  };
}

/** What tells two models of one name apart: defence, architecture, seed. */
export function modelDetail(model: ModelSummary): string {
  const seed = model.seed === null ? [] : [`seed ${model.seed}`];
  return [model.defence ?? model.origin, model.architecture, ...seed].join(', ');
}

function bestOf(table: ResultTable, key: string): number | null {
  const cells = table.models.flatMap((model) => table.cells[model]?.[key] ?? []);
  if (cells.length < 2 || new Set(cells.map((cell) => cell.examples)).size > 1) return null;
  const values = cells.map((cell) => cell.robustAccuracy);
  const highest = Math.max(...values);
  return values.every((value) => value === highest) ? null : highest;
}
