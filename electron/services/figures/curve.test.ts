import { decode } from 'fast-png';
import { expect, test } from 'vitest';
import { curveFigure } from './curve.ts';
import type { CurveSeries } from './curve.ts';
import { renderPdf, renderPng } from './render.ts';

const figure = curveFigure({
  series: [
    {
      name: 'clean',
      colour: 0,
      dash: 0,
      points: [
        [0, 0.1],
        [1, 0.9],
      ],
    },
    {
      name: 'PGD-10 <b>',
      colour: 1,
      dash: 1,
      points: [
        [0, 0.1],
        [1, 0.7],
      ],
    },
  ],
  xLabel: 'epoch',
  yLabel: 'accuracy',
  yRange: [0, 1],
});

test('the ends of a range are drawn, thinner, and are not in the legend', () => {
  const line = { name: 'mean', colour: 0, dash: 0 };
  const ends = [0.2, 0.4].map((y) => ({
    ...line,
    name: 'end',
    faint: true,
    points: [[0, y] as const, [1, y] as const],
  }));
  const mean = { ...line, points: [[0, 0.3] as const, [1, 0.3] as const] };
  const drawn = (series: readonly CurveSeries[]) => curveFigure({ series, xLabel: 'ε', yLabel: 'accuracy' }).svg;
  const count = (svg: string, what: RegExp): number => svg.match(what)?.length ?? 0;
  const [alone, ranged] = [drawn([mean]), drawn([...ends, mean])];
  expect([count(ranged, />mean</g), count(ranged, />end</g)]).toEqual([count(alone, />mean</g), 0]);
  expect(count(ranged, /stroke-opacity="0\.5"/g) - count(alone, /stroke-opacity="0\.5"/g)).toBe(2);
});

test('a curve is a vector document at the exact width of a column, with its names escaped', () => {
  expect(figure.svg).toContain('width="3.25in"');
  expect(figure.svg).toContain('PGD-10 &lt;b&gt;');
  expect(figure.svg).toContain('#0072b2');
  expect(figure.svg).not.toContain('<image');
});

test('the PNG has the pixels of its size at 300 dpi and says so', () => {
  const png = decode(renderPng(figure, 300));
  expect(png).toMatchObject({ width: 975, height: 660, resolution: { x: 11811, y: 11811 } });
});

test('the PDF page is the figure, and its fonts are embedded TrueType', async () => {
  const pdf = await renderPdf(figure);
  expect(pdf.toString('latin1')).toMatch(/MediaBox \[0 0 234 158\.4/);
  expect(pdf.toString('latin1')).toContain('/FontFile2');
  expect(pdf.toString('latin1')).not.toContain('/Type3');
});
