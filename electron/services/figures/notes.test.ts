import { decode } from 'fast-png';
import { expect, test } from 'vitest';
import { curveFigure } from './curve.ts';
import { heatFigure } from './heat.ts';
import { withNotes, wrapText } from './notes.ts';
import { renderPdf, renderPng } from './render.ts';
import { SMALL_FONT_SIZE } from './svg-document.ts';
import { textWidth } from './text-metrics.ts';

const NOTE = 'Gradient-masking check: CLP ‡ red (full, ε 0.25, 2026-11-22); a <model> not checked.';
const series = [{ name: 'a', colour: 0, dash: 0, points: [[0, 1] as const, [1, 0.5] as const] }];
const curve = curveFigure({ series, xLabel: 'ε', yLabel: 'robust accuracy' });
const cells = [{ value: 50, text: '50.0' }];
const heat = heatFigure({
  title: 'PGD',
  rowTitle: 'made on',
  columnTitle: 'judged on',
  columns: ['b'],
  rows: [{ label: 'a', cells }],
  scale: [0, 100],
  unit: '%',
});

test.each([
  ['a curve', curve],
  ['a heat map', heat],
])('%s grows by its notes, at the same width, in every format', async (_, figure) => {
  const noted = withNotes(figure, [NOTE]);
  expect(noted.widthInches).toBe(figure.widthInches);
  expect(noted.heightInches).toBeGreaterThan(figure.heightInches + 0.15);
  expect(noted.svg).toContain(`height="${noted.heightInches}in"`);
  expect(noted.svg.match(/<\/svg>/g)).toHaveLength(1);
  expect(noted.svg.replace(/<\/text><text[^>]*>/g, ' ')).toContain('&#60;model&#62; not checked.');
  const png = decode(renderPng(noted, 96));
  expect(Math.abs(png.height - 96 * noted.heightInches)).toBeLessThanOrEqual(1);
  // The last lines of the picture are not empty: the notes are inside of it.
  const rows = png.width * png.channels * 14;
  expect(png.data.subarray(-rows).some((value) => value < 200)).toBe(true);
  const [, height] = /MediaBox \[0 0 [\d.]+ ([\d.]+)/.exec((await renderPdf(noted)).toString('latin1')) ?? [];
  expect(Number(height)).toBeCloseTo(72 * noted.heightInches, 1);
});

test('no notes leave the figure as it is, and no line is wider than its room', () => {
  expect(withNotes(curve, [])).toBe(curve);
  for (const line of wrapText(`${NOTE} ${NOTE}`, 200, SMALL_FONT_SIZE)) {
    expect(textWidth(line, SMALL_FONT_SIZE)).toBeLessThanOrEqual(200);
  }
});
