import type { EChartsCoreOption } from 'echarts/core';
import { tooltipFrame, type ChartTheme } from './theme.ts';

/** One curve of a line chart. */
export interface ChartLine {
  readonly key: string;
  readonly name: string;
  readonly colour: string;
  readonly dash?: readonly number[];
  readonly width?: number;
  /** 0…1; raw values behind a smoothed curve are faint. */
  readonly opacity?: number;
  readonly markers?: boolean;
  /** Points in order of x; not finite values break the curve. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Entry of the legend that switches it; its own name if left out. */
  readonly group?: string;
  /** Not listed in legend and tooltip. */
  readonly quiet?: boolean;
}

export interface ChartAxis {
  readonly name?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly logarithmic?: boolean;
  /** Distance of the ticks; chosen by the extent if left out. */
  readonly interval?: number;
  readonly format?: (value: number) => string;
}

const plain = (value: number): string => String(Number(value.toPrecision(4)));

/** ECharts option of a line chart in the product's theme. Numbers only: the tooltip is drawn as text, never as HTML. */
export function lineChartOption(
  lines: readonly ChartLine[],
  x: ChartAxis,
  y: ChartAxis,
  theme: ChartTheme,
): EChartsCoreOption {
  const label = { color: theme.faintInk, fontSize: 10, fontFamily: theme.font };
  const loud = new Set(lines.filter((line) => !line.quiet).map((line) => line.name));
  return {
    animation: false,
    textStyle: { fontFamily: theme.font, fontSize: 10 },
    grid: { left: 8, right: 14, top: y.name ? 22 : 10, bottom: x.name ? 22 : 6, containLabel: true },
    tooltip: {
      ...tooltipFrame(theme),
      axisPointer: { type: 'line', lineStyle: { color: theme.faintInk, width: 1, type: 'dashed' } },
      formatter: (raw: unknown) => tooltipText(raw, loud, x, y),
    },
    xAxis: { ...axisOption(x, label, theme), splitLine: { show: false }, nameLocation: 'middle', nameGap: 20 },
    yAxis: {
      ...axisOption(y, label, theme),
      splitLine: { lineStyle: { color: theme.line } },
      nameLocation: 'end',
      nameGap: 8,
    },
    series: lines.map((line) => ({
      id: line.key,
      type: 'line',
      name: line.name,
      data: line.points,
      color: line.colour,
      showSymbol: line.markers ?? false,
      symbol: 'circle',
      symbolSize: 4,
      silent: line.quiet ?? false,
      sampling: line.points.length > 2000 ? 'lttb' : undefined,
      lineStyle: {
        width: line.width ?? 1.6,
        type: line.dash && line.dash.length > 0 ? line.dash : 'solid',
        opacity: line.opacity ?? 1,
      },
      itemStyle: { opacity: line.opacity ?? 1 },
      emphasis: { disabled: true },
      z: line.quiet ? 1 : 2,
    })),
  };
}

function axisOption(axis: ChartAxis, label: object, theme: ChartTheme): object {
  return {
    type: axis.logarithmic ? 'log' : 'value',
    ...(axis.name !== undefined && { name: axis.name }),
    nameTextStyle: { ...label, align: 'left' },
    ...(axis.minimum !== undefined && { min: axis.minimum }),
    ...(axis.maximum !== undefined && { max: axis.maximum }),
    ...(axis.interval !== undefined && { interval: axis.interval }),
    scale: true,
    splitNumber: 4,
    axisLabel: { ...label, formatter: axis.format ?? plain, hideOverlap: true },
    axisLine: { show: true, onZero: false, lineStyle: { color: theme.line } },
    axisTick: { show: false },
  };
}

function tooltipText(raw: unknown, loud: ReadonlySet<string>, x: ChartAxis, y: ChartAxis): string {
  const items = (Array.isArray(raw) ? raw : [raw]) as readonly {
    seriesName: string;
    value: readonly [number, number];
  }[];
  const head = items[0];
  if (!head) return '';
  const rows = items
    .filter((item) => loud.has(item.seriesName))
    .map((item) => `${item.seriesName}  ${(y.format ?? plain)(item.value[1])}`);
  return [`${x.name ?? ''} ${(x.format ?? plain)(head.value[0])}`.trim(), ...rows].join('\n');
}

/** Exponential moving average of a curve, corrected for its start; `weight` 0…1 is the share of the past. */
export function smooth(
  points: readonly (readonly [number, number])[],
  weight: number,
): readonly (readonly [number, number])[] {
  let sum = 0;
  let mass = 0;
  return points.map(([x, y]) => {
    if (!Number.isFinite(y)) return [x, y];
    sum = weight * sum + (1 - weight) * y;
    mass = weight * mass + (1 - weight);
    return [x, sum / mass];
  });
}
