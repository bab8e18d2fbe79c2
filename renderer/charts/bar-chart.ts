import type { EChartsCoreOption } from 'echarts/core';
import { tooltipFrame, type ChartTheme } from './theme.ts';

/** A bar over the stretch [from, to) of a numeric axis, or of its own label. */
export interface ChartBar {
  readonly label: string;
  readonly value: number;
}

/** ECharts option of a bar chart in the product's theme; bars touch where they show a distribution. */
export function barChartOption(
  bars: readonly ChartBar[],
  colour: string,
  names: { readonly x: string; readonly y: string },
  touching: boolean,
  theme: ChartTheme,
): EChartsCoreOption {
  const label = { color: theme.faintInk, fontSize: 10, fontFamily: theme.font };
  return {
    animation: false,
    textStyle: { fontFamily: theme.font, fontSize: 10 },
    grid: { left: 8, right: 14, top: 10, bottom: names.x ? 22 : 6, containLabel: true },
    tooltip: {
      ...tooltipFrame(theme),
      axisPointer: { type: 'shadow' },
      formatter: (raw: unknown) => {
        const [item] = raw as readonly { readonly name: string; readonly value: number }[];
        return item ? `${item.name}  ${item.value.toLocaleString('en-GB')} ${names.y}` : '';
      },
    },
    xAxis: {
      type: 'category',
      data: bars.map((bar) => bar.label),
      name: names.x,
      nameLocation: 'middle',
      nameGap: 20,
      nameTextStyle: label,
      axisLabel: { ...label, hideOverlap: true },
      axisLine: { lineStyle: { color: theme.line } },
      axisTick: { show: false },
    },
    yAxis: {
      type: 'value',
      splitNumber: 3,
      minInterval: 1,
      axisLabel: label,
      splitLine: { lineStyle: { color: theme.line } },
    },
    series: [
      {
        type: 'bar',
        data: bars.map((bar) => bar.value),
        color: colour,
        barCategoryGap: touching ? '4%' : '30%',
        barMaxWidth: 48,
        emphasis: { disabled: true },
      },
    ],
  };
}
