import { LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent } from 'echarts/components';
import { init, setPlatformAPI, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { categoricalColour, dashPattern } from '../../../shared/domain/colour.ts';
import {
  FONT_FAMILY,
  FONT_SIZE,
  PIXELS_PER_INCH,
  SMALL_FONT_SIZE,
  type FigureSize,
  type SvgFigure,
} from './svg-document.ts';
import { textWidth } from './text-metrics.ts';

use([LineChart, GridComponent, LegendComponent, SVGRenderer]);
setPlatformAPI({
  measureText: (text, font) => {
    const size = Number(/([\d.]+)px/.exec(font ?? '')?.[1] ?? FONT_SIZE);
    return { width: textWidth(text, size) };
  },
});

export interface CurveSeries {
  readonly name: string;
  /** Colour slot. */
  readonly colour: number;
  /** Dash slot; 0 is solid. */
  readonly dash: number;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Drawn thin and faint, without an entry in the legend: the ends of a range. */
  readonly faint?: boolean;
}

export interface CurveSpec extends Partial<FigureSize> {
  readonly series: readonly CurveSeries[];
  readonly xLabel: string;
  readonly yLabel: string;
  /** Limits of the vertical axis; from the data where null. */
  readonly yRange?: readonly [number, number] | null;
  readonly yLogarithmic?: boolean;
}

/** Column width of ICML and CVPR, the narrowest in common use. */
const DEFAULT_SIZE: FigureSize = { widthInches: 3.25, heightInches: 2.2 };
/** Lines of 1 pt and axes of 0.5 pt at the final size. */
const LINE_WIDTH = PIXELS_PER_INCH / 72;
const AXIS_WIDTH = LINE_WIDTH / 2;

/** A line chart at a paper's column width: 8 pt text, distinct colours and dashes, no animation, no background. */
export function curveFigure(spec: CurveSpec): SvgFigure {
  const { widthInches, heightInches } = { ...DEFAULT_SIZE, ...spec };
  const chart = init(null, null, {
    renderer: 'svg',
    ssr: true,
    width: widthInches * PIXELS_PER_INCH,
    height: heightInches * PIXELS_PER_INCH,
  });
  const axis = {
    nameLocation: 'middle',
    nameTextStyle: { color: '#1b1c1e', fontSize: FONT_SIZE },
    axisLabel: { color: '#1b1c1e', fontSize: SMALL_FONT_SIZE, hideOverlap: true },
    axisLine: { show: true, lineStyle: { color: '#1b1c1e', width: AXIS_WIDTH } },
    axisTick: { show: true, lineStyle: { color: '#1b1c1e', width: AXIS_WIDTH } },
    splitLine: { show: true, lineStyle: { color: '#e3e3df', width: AXIS_WIDTH } },
  } as const;
  const named = spec.series.filter(({ faint }) => !faint);
  try {
    chart.setOption({
      animation: false,
      textStyle: { fontFamily: FONT_FAMILY },
      grid: { left: 44, right: 10, top: 10 + 14 * legendRows(named, widthInches), bottom: 36 },
      legend: {
        top: 0,
        left: 'center',
        itemWidth: 22,
        itemHeight: 8,
        itemGap: 8,
        textStyle: { fontSize: SMALL_FONT_SIZE, color: '#1b1c1e' },
        data: named.map(({ name }) => ({ name })),
      },
      xAxis: {
        ...axis,
        type: 'value',
        name: spec.xLabel,
        nameGap: 20,
        min: 'dataMin',
        max: 'dataMax',
        splitLine: { show: false },
      },
      yAxis: {
        ...axis,
        type: spec.yLogarithmic ? 'log' : 'value',
        name: spec.yLabel,
        nameGap: 32,
        ...(spec.yRange && { min: spec.yRange[0], max: spec.yRange[1] }),
      },
      series: spec.series.map(({ name, colour, dash, points, faint }) => ({
        name,
        type: 'line',
        symbol: points.length <= 12 && !faint ? 'circle' : 'none',
        symbolSize: 4,
        data: points.map(([x, y]) => [x, y]),
        itemStyle: { color: categoricalColour(colour) },
        lineStyle: {
          color: categoricalColour(colour),
          width: faint ? AXIS_WIDTH : LINE_WIDTH,
          type: lineType(dash),
          opacity: faint ? 0.5 : 1,
        },
      })),
    });
    const svg = chart
      .renderToSVGString()
      .replace(/^<svg width="[^"]*" height="[^"]*"/, `<svg width="${widthInches}in" height="${heightInches}in"`);
    return { svg: `${svg}\n`, widthInches, heightInches };
  } finally {
    chart.dispose();
  }
}

function lineType(dash: number): 'solid' | number[] {
  const pattern = dashPattern(dash);
  return pattern.length === 0 ? 'solid' : [...pattern];
}

/** Rows that the legend needs, so that it never covers the curves. */
function legendRows(series: readonly CurveSeries[], widthInches: number): number {
  const available = widthInches * PIXELS_PER_INCH - 10;
  let rows = 1;
  let used = 0;
  for (const { name } of series) {
    const width = 22 + 5 + textWidth(name, SMALL_FONT_SIZE) + 8;
    if (used > 0 && used + width > available) {
      rows++;
      used = 0;
    }
    used += width;
  }
  return rows;
}
