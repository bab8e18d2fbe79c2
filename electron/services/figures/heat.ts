import { paletteBytes } from '../../../shared/domain/colour.ts';
import { PIXELS_PER_INCH, round, SMALL_FONT_SIZE, svgDocument, svgText, type SvgFigure } from './svg-document.ts';
import { textWidth } from './text-metrics.ts';

export interface HeatSpec {
  readonly title: string;
  /** What the rows and the columns are. */
  readonly rowTitle: string;
  readonly columnTitle: string;
  readonly columns: readonly string[];
  /** `value` decides the colour, `text` is written; null where there is no number. */
  readonly rows: readonly {
    readonly label: string;
    readonly cells: readonly ({ readonly value: number; readonly text: string } | null)[];
  }[];
  /** Values at the ends of the colours, which are printed. */
  readonly scale: readonly [low: number, high: number];
  readonly unit: string;
}

/** Side of a cell and gap between cells, in 1/96 in. */
const CELL = 30;
const GAP = 1;
const MARGIN = 8;
const LINE = SMALL_FONT_SIZE * 1.35;
const LONGEST = 120;

/** A table whose cells are coloured by their numbers in viridis: vector rectangles and text, the scale printed below. */
export function heatFigure({ title, rowTitle, columnTitle, columns, rows, scale, unit }: HeatSpec): SvgFigure {
  const labels = rows.map(({ label }) => shortened(label));
  const heads = columns.map(shortened);
  const left = MARGIN + Math.max(textWidth(rowTitle, SMALL_FONT_SIZE), ...labels.map(widthOf)) + 6;
  const cellWidth = Math.max(CELL, ...rows.flatMap(({ cells }) => cells.map((cell) => widthOf(cell?.text ?? '') + 8)));
  // Names that are wider than their column are written upwards.
  const upright = heads.some((head) => widthOf(head) > cellWidth - 2);
  const top = MARGIN + LINE * 2 + (upright ? Math.max(...heads.map(widthOf)) + LINE / 2 : LINE) + 4;
  const bottom = top + rows.length * CELL;
  const width = Math.max(left + columns.length * cellWidth, left + 170) + MARGIN;
  const height = bottom + 2 * LINE + 20 + MARGIN;

  const small = { size: SMALL_FONT_SIZE } as const;
  const parts = [
    svgText(MARGIN, MARGIN + LINE, title, { ...small, bold: true }),
    svgText(left, MARGIN + 2 * LINE, columnTitle, small),
    svgText(MARGIN, top - 4, rowTitle, small),
    ...heads.map((head, column) => {
      const x = left + (column + 0.5) * cellWidth;
      if (!upright) return svgText(x, top - 4, head, { ...small, anchor: 'middle' });
      const turned = svgText(0, 0, head, small);
      return `<g transform="translate(${round(x + SMALL_FONT_SIZE / 3)} ${round(top - 4)}) rotate(-90)">${turned}</g>`;
    }),
    ...rows.flatMap(({ cells }, row) => [
      svgText(left - 6, top + (row + 0.5) * CELL + SMALL_FONT_SIZE / 3, labels[row] ?? '', { ...small, anchor: 'end' }),
      ...cells.map((cell, column) => drawCell(cell, left + column * cellWidth, top + row * CELL, cellWidth, scale)),
    ]),
    ...drawScale(left, bottom + 10, scale, unit),
  ];
  const size = { widthInches: width / PIXELS_PER_INCH, heightInches: height / PIXELS_PER_INCH };
  return { svg: svgDocument(size, title, parts.join('\n')), ...size };
}

function drawCell(
  cell: HeatSpec['rows'][number]['cells'][number],
  x: number,
  y: number,
  width: number,
  scale: HeatSpec['scale'],
): string {
  const [fill, ink] = cell ? colourOf(cell.value, scale) : ['#f0f0ed', '#676a71'];
  const rectangle = `<rect x="${round(x)}" y="${round(y)}" width="${round(width - GAP)}" height="${CELL - GAP}" fill="${fill}"/>`;
  const text = svgText(x + width / 2, y + CELL / 2 + SMALL_FONT_SIZE / 3, cell?.text ?? '–', {
    size: SMALL_FONT_SIZE,
    anchor: 'middle',
    colour: ink,
  });
  return `${rectangle}${text}`;
}

function drawScale(x: number, y: number, scale: HeatSpec['scale'], unit: string): string[] {
  const STEPS = 32;
  const step = 160 / STEPS;
  const strip = Array.from({ length: STEPS }, (_, at) => {
    const [fill] = colourOf(scale[0] + ((at + 0.5) / STEPS) * (scale[1] - scale[0]), scale);
    return `<rect x="${round(x + at * step)}" y="${round(y)}" width="${round(step + 0.2)}" height="8" fill="${fill}"/>`;
  });
  const base = y + 8 + LINE;
  const end = (value: number): string => String(Number(value.toFixed(1)));
  return [
    ...strip,
    svgText(x, base, end(scale[0]), { size: SMALL_FONT_SIZE }),
    svgText(x + 80, base, unit, { size: SMALL_FONT_SIZE, anchor: 'middle' }),
    svgText(x + 160, base, end(scale[1]), { size: SMALL_FONT_SIZE, anchor: 'end' }),
  ];
}

/** Colour of a value, and black or white ink, whichever is easier to read on it (by the relative luminance of sRGB). */
function colourOf(value: number, [low, high]: HeatSpec['scale']): readonly [fill: string, ink: string] {
  const share = Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
  const at = 3 * Math.min(255, Math.floor(share * 256));
  const channels = [...paletteBytes('viridis').slice(at, at + 3)];
  const [red = 0, green = 0, blue = 0] = channels.map((channel) => (channel / 255) ** 2.2);
  const fill = `#${channels.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
  return [fill, 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? '#000000' : '#ffffff'];
}

const widthOf = (text: string): number => textWidth(text, SMALL_FONT_SIZE);

function shortened(text: string): string {
  if (widthOf(text) <= LONGEST) return text;
  let kept = text;
  while (kept.length > 1 && widthOf(`${kept}…`) > LONGEST) kept = kept.slice(0, -1);
  return `${kept}…`;
}
