import { decode } from 'fast-png';
import { expect, test } from 'vitest';
import { galleryFigure } from './gallery.ts';
import { overlayPng } from './picture.ts';
import { renderPdf, renderPng } from './render.ts';

const image = { shape: [4, 4, 1] as [number, number, number], values: new Array<number>(16).fill(0.5) };
const flat = { height: 2, width: 2, values: [0.5, 0.5, 0.5, 0.5] };
const area = { height: 2, width: 2, values: [1, 0, 0, 0] };
const model = (name: string) => ({
  name,
  adversarialImages: [image],
  clean: [flat],
  adversarial: [flat],
  keyAreas: [area],
  captions: [{ clean: '7 · 0.500', adversarial: '9 · 0.500' }],
});
const figure = galleryFigure({
  title: 'gallery',
  rows: [{ label: '7 (#0)', image }],
  models: [model('natural'), model('AT+ALP & more')],
  attackLabel: 'PGD, ε 0.25',
  scale: 'all',
  notes: [
    'A note that is long enough to need more than one line of the figure, so that it has to be wrapped somewhere in the middle of it.',
  ],
});

test('a gallery has its images embedded once each and its text as text, at the exact width', () => {
  expect(figure.svg).toContain('width="5.5in"');
  // One clean image, two maps for each of two models, one colour scale.
  expect(figure.svg.match(/<image /g)).toHaveLength(1 + 4 + 1);
  expect(figure.svg).toContain('AT+ALP &#38; more');
  expect(figure.svg).toContain('7 · 0.500');
  expect(figure.svg).toContain('>0.500<');
});

test('a gallery renders as PNG and as PDF', async () => {
  expect(decode(renderPng(figure, 200)).width).toBe(1100);
  expect((await renderPdf(figure)).toString('latin1')).toContain('/MediaBox [0 0 396');
});

test('the top of the scale is the last colour of viridis and 0 the first, whatever the image', () => {
  const solid = (value: number) => decode(overlayPng(image, { height: 1, width: 1, values: [value] }, 2, 1));
  expect([...solid(2).data.slice(0, 3)]).toEqual([253, 231, 37]);
  expect([...solid(0).data.slice(0, 3)]).toEqual([68, 1, 84]);
});
