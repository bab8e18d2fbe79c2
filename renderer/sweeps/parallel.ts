import type { EChartsCoreOption } from 'echarts/core';
import type { SettingValue } from '../../shared/domain/settings.ts';
import type { SweepTableView } from '../../shared/domain/sweep-view.ts';
import type { ChartTheme } from '../charts/theme.ts';
import { settingText } from '../training/rows.ts';

/** One vertical axis of parallel coordinates, with a value for each row of the table. */
export interface ParallelAxis {
  readonly id: string;
  readonly name: string;
  /** Names of a category axis, in order; null for an axis of numbers. */
  readonly categories: readonly string[] | null;
  readonly percent: boolean;
  /** By row: a number, or the position of its category; null where the row has none. */
  readonly values: readonly (number | null)[];
}

/** By axis: the ranges that were chosen on it. */
export type Brushes = Readonly<Record<string, readonly (readonly [number, number])[]>>;

/** Axes of the settings that vary, then of the chosen columns. */
export function parallelAxes(
  { rows, columns }: SweepTableView,
  shownColumns: readonly string[],
  labelOf: (setting: string) => string,
): readonly ParallelAxis[] {
  const settings = [...new Set(rows.flatMap(({ varied }) => Object.keys(varied)))];
  return [
    ...settings.map((key): ParallelAxis => {
      const values = rows.map(({ varied }) => varied[key]);
      return { id: `setting ${key}`, name: labelOf(key), percent: false, ...placed(values) };
    }),
    ...columns
      .filter(({ key }) => shownColumns.includes(key))
      .map(({ key, kind, label }): ParallelAxis => {
        const percent = kind === 'accuracy';
        const values = rows.map(({ cells }) => {
          const mean = cells[key]?.mean;
          return mean === undefined ? null : percent ? 100 * mean : mean;
        });
        return { id: `column ${key}`, name: label, categories: null, percent, values };
      }),
  ];
}

function placed(values: readonly (SettingValue | undefined)[]): Pick<ParallelAxis, 'categories' | 'values'> {
  const numbers = values.map((value) => (typeof value === 'number' ? value : null));
  if (values.every((value) => value === undefined || typeof value === 'number')) {
    return { categories: null, values: numbers };
  }
  const texts = values.map((value) => (value === undefined ? null : settingText(value)));
  const categories = [...new Set(texts.filter((text) => text !== null))];
  return { categories, values: texts.map((text) => (text === null ? null : categories.indexOf(text))) };
}

/** The columns that are shown at first: clean, the worst cases, then the first attacks; six at most. */
export function usualColumns({ columns }: SweepTableView): readonly string[] {
  const rank = ({ key }: { readonly key: string }): number =>
    key === 'clean' ? 0 : key.startsWith('worst case') ? 1 : 2;
  const accuracies = columns.filter(({ kind }) => kind === 'accuracy');
  return accuracies
    .toSorted((a, b) => rank(a) - rank(b))
    .slice(0, 6)
    .map(({ key }) => key);
}

/** Rows inside the chosen ranges of every axis; null where no range is chosen. */
export function brushedRows(axes: readonly ParallelAxis[], brushes: Brushes): ReadonlySet<number> | null {
  const active = axes.filter(({ id }) => (brushes[id]?.length ?? 0) > 0);
  const [first] = active;
  if (!first) return null;
  const inside = ({ id, values }: ParallelAxis, row: number): boolean => {
    const value = values[row] ?? null;
    return value !== null && (brushes[id] ?? []).some(([low, high]) => value >= low && value <= high);
  };
  return new Set([...first.values.keys()].filter((row) => active.every((axis) => inside(axis, row))));
}

/** A group for each row: rows of one defence, or of one value of the first category axis, share a colour. */
export function colourSlots(axes: readonly ParallelAxis[]): readonly number[] {
  const axis = axes.find(({ id }) => id === 'setting defence') ?? axes.find(({ categories }) => categories !== null);
  const rows = axes[0]?.values ?? [];
  return rows.map((_, row) => axis?.values[row] ?? 0);
}

/** What the names of all axes may take together, in pixels: what the narrowest window has. */
const NAMES_WIDTH = 720;

/** ECharts option of parallel coordinates: one line for each row. */
export function parallelOption(
  axes: readonly ParallelAxis[],
  colours: readonly string[],
  theme: ChartTheme,
): EChartsCoreOption {
  const label = { color: theme.faintInk, fontSize: 10, fontFamily: theme.font };
  const rows = axes[0]?.values ?? [];
  const width = Math.max(48, Math.round(NAMES_WIDTH / axes.length));
  return {
    animation: false,
    textStyle: { fontFamily: theme.font, fontSize: 10 },
    parallel: {
      left: 48,
      right: 72,
      top: 30,
      bottom: 14,
      parallelAxisDefault: {
        nameLocation: 'end',
        nameGap: 12,
        nameTextStyle: { ...label, color: theme.ink, width, overflow: 'truncate' },
        nameTruncate: { maxWidth: width },
        axisLabel: { ...label, textBorderColor: theme.surface, textBorderWidth: 3 },
        axisLine: { lineStyle: { color: theme.faintInk } },
        axisTick: { show: false },
        areaSelectStyle: { width: 16, borderWidth: 1, borderColor: theme.ink, color: theme.faintInk, opacity: 0.25 },
      },
    },
    parallelAxis: axes.map(({ id, name, categories, percent }, dim) => ({
      id,
      dim,
      name,
      ...(categories
        ? { type: 'category', data: categories }
        : { type: 'value', scale: !percent, ...(percent && { min: 0, max: 100 }) }),
    })),
    series: {
      type: 'parallel',
      smooth: false,
      inactiveOpacity: 0.08,
      activeOpacity: 0.95,
      lineStyle: { width: 1.6, opacity: 0.8 },
      data: rows.map((_, row) => ({
        value: axes.map(({ categories, values }) => {
          const value = values[row] ?? null;
          return value === null ? '-' : (categories?.[value] ?? value);
        }),
        lineStyle: { color: colours[row] ?? theme.ink },
      })),
    },
  };
}
