import type { ResultCell, ResultTable } from '../../shared/domain/library.ts';

/** A number of a result table with the label of its column. */
export interface LabelledNumber {
  readonly label: string;
  readonly result: ResultCell;
}

/** The numbers that a model's worst case counts, the lowest first. */
export function countedNumbers({ columns, cells }: ResultTable, model: string): readonly LabelledNumber[] {
  return columns
    .flatMap(({ key, label }) => {
      const result = cells[model]?.[key];
      return result?.counted ? [{ label, result }] : [];
    })
    .sort((a, b) => a.result.robustAccuracy - b.result.robustAccuracy);
}

/** A number on as many images as the model's clean accuracy, for the examples that are wrong without an attack. */
export function numberOnClean({ cells, cleanExamples }: ResultTable, model: string): ResultCell | null {
  return Object.values(cells[model] ?? {}).find(({ examples }) => examples === cleanExamples[model]) ?? null;
}
