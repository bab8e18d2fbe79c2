import type { MapPalette } from '../../../shared/domain/colour.ts';
import { scaleMaximum, scaleTicks, type MapPair, type ScaleMode } from '../../../shared/domain/map-scale.ts';
import { outlinePath } from '../../../shared/domain/outline.ts';
import { wrapText } from './notes.ts';
import { overlayPng, picturePng, scalePng, type Map2D, type Picture } from './picture.ts';
import {
  FONT_SIZE,
  PIXELS_PER_INCH,
  round,
  SMALL_FONT_SIZE,
  svgDocument,
  svgImage,
  svgText,
  type SvgFigure,
} from './svg-document.ts';
import { textWidth } from './text-metrics.ts';

/** Maps of one model in a gallery, row by row; values normalised so that models can be compared. */
export interface GalleryModel {
  readonly name: string;
  readonly adversarialImages: readonly Picture[];
  readonly clean: readonly Map2D[];
  readonly adversarial: readonly Map2D[];
  readonly keyAreas: readonly Map2D[];
  /** Text under each map: predicted class and mean in the key area. */
  readonly captions: readonly { readonly clean: string; readonly adversarial: string }[];
}

export interface GallerySpec {
  readonly title: string;
  readonly rows: readonly { readonly label: string; readonly image: Picture }[];
  readonly models: readonly GalleryModel[];
  /** Heading of the columns of x', such as `PGD-40`. */
  readonly attackLabel: string;
  readonly scale: ScaleMode;
  /** Whether values below 0 mean something: the colour scale then reaches as far below 0. */
  readonly signed?: boolean;
  /** Below the figure: method, layer, key area, what the numbers are; what the masking check says. */
  readonly notes: readonly string[];
  readonly widthInches?: number;
}

/** Text width of a NeurIPS page. */
const DEFAULT_WIDTH_INCHES = 5.5;
const OPACITY = 0.7;
const GAP = 4;
const CAPTION = SMALL_FONT_SIZE * 1.25;

/**
 * Attention gallery as a figure: a row for each example; the clean image, then for each model the map on x and on x',
 * over the images they belong to, with the key area outlined and one printed colour scale.
 */
export function galleryFigure(spec: GallerySpec): SvgFigure {
  const widthInches = spec.widthInches ?? DEFAULT_WIDTH_INCHES;
  const width = widthInches * PIXELS_PER_INCH;
  const labelWidth = Math.max(...spec.rows.map((row) => textWidth(row.label, SMALL_FONT_SIZE))) + 6;
  const columns = 1 + 2 * spec.models.length;
  const groupGaps = spec.models.length * GAP;
  const tile = (width - labelWidth - groupGaps - (columns - 1) * GAP) / columns;
  const left = (column: number): number => labelWidth + column * (tile + GAP) + Math.ceil(column / 2) * GAP;
  const top = FONT_SIZE * 1.3 + SMALL_FONT_SIZE * 1.4 + 4;
  const rowHeight = tile + CAPTION + GAP;
  const rowTop = (row: number): number => top + row * rowHeight;
  const pairs: readonly MapPair[] = spec.models.map((model) => ({
    clean: model.clean.map((map) => Float32Array.from(map.values)),
    adversarial: model.adversarial.map((map) => Float32Array.from(map.values)),
  }));

  const body: string[] = [];
  spec.models.forEach((model, index) => {
    const from = left(1 + 2 * index);
    const middle = from + tile + GAP / 2;
    body.push(svgText(middle, FONT_SIZE, fitted(model.name, 2 * tile, FONT_SIZE), { anchor: 'middle', bold: true }));
    for (const [offset, text] of [
      [0, 'clean'],
      [1, spec.attackLabel],
    ] as const) {
      const x = left(1 + 2 * index + offset) + tile / 2;
      body.push(
        svgText(x, top - 5, fitted(text, tile + GAP, SMALL_FONT_SIZE), { anchor: 'middle', size: SMALL_FONT_SIZE }),
      );
    }
  });
  body.push(svgText(left(0) + tile / 2, top - 5, 'image', { anchor: 'middle', size: SMALL_FONT_SIZE }));

  spec.rows.forEach((row, rowIndex) => {
    const y = rowTop(rowIndex);
    body.push(svgText(labelWidth - 5, y + tile / 2 + 3, row.label, { anchor: 'end', size: SMALL_FONT_SIZE }));
    body.push(svgImage(left(0), y, tile, tile, picturePng(row.image)));
    if (spec.scale === 'row') {
      body.push(
        caption(left(0) + tile / 2, y + tile, tile, `scale to ${topOf(scaleMaximum(pairs, 'row', rowIndex, 0))}`),
      );
    }
    spec.models.forEach((model, modelIndex) => {
      const maximum = scaleMaximum(pairs, spec.scale, rowIndex, modelIndex);
      for (const [offset, kind] of [
        [0, 'clean'],
        [1, 'adversarial'],
      ] as const) {
        const x = left(1 + 2 * modelIndex + offset);
        const picture = kind === 'clean' ? row.image : model.adversarialImages[rowIndex];
        const map = model[kind][rowIndex];
        if (!picture || !map) continue;
        body.push(svgImage(x, y, tile, tile, overlayPng(picture, map, maximum, OPACITY, paletteOf(spec))));
        const area = model.keyAreas[rowIndex];
        if (area) body.push(outline(area, x, y, tile));
        const text = model.captions[rowIndex]?.[kind] ?? '';
        const scale = spec.scale === 'pair' && kind === 'adversarial' ? ` (to ${topOf(maximum)})` : '';
        body.push(caption(x + tile / 2, y + tile, tile, `${text}${scale}`));
      }
    });
  });

  const bottom = rowTop(spec.rows.length) + 4;
  body.push(...legend(spec, pairs, bottom, width));
  const lines = spec.notes.flatMap((note) => wrapText(note, width, SMALL_FONT_SIZE));
  lines.forEach((line, index) =>
    body.push(
      svgText(0, bottom + 30 + index * SMALL_FONT_SIZE * 1.35, line, { size: SMALL_FONT_SIZE, colour: '#55585e' }),
    ),
  );
  const heightInches = (bottom + 30 + lines.length * SMALL_FONT_SIZE * 1.35) / PIXELS_PER_INCH;
  return {
    svg: svgDocument({ widthInches, heightInches: round(heightInches) }, spec.title, body.join('\n')),
    widthInches,
    heightInches: round(heightInches),
  };
}

/** A line of small text under a tile, centred on `x`. */
function caption(x: number, tileBottom: number, tile: number, text: string): string {
  const size = SMALL_FONT_SIZE * 0.9;
  return svgText(x, tileBottom + CAPTION - 1.5, fitted(text, tile + GAP, size), {
    anchor: 'middle',
    size,
    colour: '#55585e',
  });
}

const paletteOf = ({ signed }: GallerySpec): MapPalette => (signed ? 'diverging' : 'viridis');

/** The upper end of a colour scale as its printed number. */
function topOf(maximum: number): string {
  return scaleTicks(maximum).at(-1)?.text ?? '';
}

function legend(spec: GallerySpec, pairs: readonly MapPair[], y: number, width: number): string[] {
  const barWidth = Math.min(160, width / 3);
  const parts = [
    svgImage(0, y, barWidth, 6, scalePng(paletteOf(spec))).replace('<image ', '<image preserveAspectRatio="none" '),
  ];
  if (spec.scale === 'all') {
    for (const { at, text } of scaleTicks(scaleMaximum(pairs, 'all', 0, 0), spec.signed)) {
      const anchor = at === 0 ? 'start' : at === 1 ? 'end' : 'middle';
      parts.push(svgText(at * barWidth, y + 16, text, { anchor, size: SMALL_FONT_SIZE }));
    }
  } else {
    if (spec.signed) parts.push(svgText(barWidth / 2, y + 16, '0', { anchor: 'middle', size: SMALL_FONT_SIZE }));
    else parts.push(svgText(0, y + 16, '0', { size: SMALL_FONT_SIZE }));
    const text = spec.scale === 'row' ? 'top of the row’s scale' : 'top of the pair’s scale';
    parts.push(svgText(barWidth, y + 16, text, { anchor: 'end', size: SMALL_FONT_SIZE }));
  }
  return parts;
}

function outline(area: Map2D, x: number, y: number, tile: number): string {
  const path = outlinePath(area.values, area.height, area.width);
  const scaleX = tile / area.width;
  const scaleY = tile / area.height;
  return `<path d="${path}" transform="translate(${round(x)} ${round(y)}) scale(${scaleX.toFixed(4)} ${scaleY.toFixed(4)})" fill="none" stroke="#ffffff" stroke-width="${round(0.8 / scaleX)}"/>`;
}

/** `text`, cut with an ellipsis where it is wider than `width`. */
function fitted(text: string, width: number, size: number): string {
  if (textWidth(text, size) <= width) return text;
  let end = text.length;
  while (end > 1 && textWidth(`${text.slice(0, end)}…`, size) > width) end--;
  return `${text.slice(0, end)}…`;
}
