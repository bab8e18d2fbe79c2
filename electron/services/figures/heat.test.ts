import { expect, it } from 'vitest';
import { heatFigure } from './heat.ts';
import { renderFigure } from './render.ts';

const spec = {
  title: 'PGD-40, ε 0.1',
  rowTitle: 'x′ made on',
  columnTitle: 'judged on',
  columns: ['natural', 'a model with a name that is far too long to stand over a narrow column'],
  rows: [
    { label: 'natural <1>', cells: [null, { value: 20, text: '20.0' }] },
    {
      label: 'other',
      cells: [
        { value: 80, text: '80.0' },
        { value: 50, text: '50.0' },
      ],
    },
  ],
  scale: [20, 80],
  unit: 'robust accuracy, %',
} as const;

it('each number stands in a cell of its colour, gaps are dashes, and the ends of the scale are printed', () => {
  const { svg } = heatFigure(spec);
  // viridis from its first to its last colour, with ink that can be read on each.
  expect(svg).toMatch(/fill="#440154"\/><text[^>]*fill="#ffffff">20\.0</);
  expect(svg).toMatch(/fill="#fde725"\/><text[^>]*fill="#000000">80\.0</);
  expect(svg).toContain('>–</text>');
  expect(svg).toContain('natural &#60;1&#62;');
  expect(svg).toContain('…');
  expect(svg).toContain('>robust accuracy, %</text>');
});

it('the figure is as large as its table, in every format', async () => {
  const figure = heatFigure(spec);
  const wider = heatFigure({ ...spec, columns: [...spec.columns, 'b', 'c', 'd', 'e', 'f', 'g', 'h'] });
  expect(wider.widthInches).toBeGreaterThan(figure.widthInches);
  expect((await renderFigure(figure, 'png')).subarray(1, 4).toString()).toBe('PNG');
  expect((await renderFigure(figure, 'pdf')).subarray(0, 4).toString()).toBe('%PDF');
});
