import { PIXELS_PER_INCH, round, SMALL_FONT_SIZE, svgText, type SvgFigure } from './svg-document.ts';
import { textWidth } from './text-metrics.ts';

const LINE = SMALL_FONT_SIZE * 1.35;
const GAP = 6;
const MARGIN = 4;

/** The same figure with notes in small print below it; it grows by as much as they need. */
export function withNotes(figure: SvgFigure, notes: readonly string[]): SvgFigure {
  if (notes.length === 0) return figure;
  const width = figure.widthInches * PIXELS_PER_INCH;
  const bottom = figure.heightInches * PIXELS_PER_INCH;
  const lines = notes.flatMap((note) => wrapText(note, width - 2 * MARGIN, SMALL_FONT_SIZE));
  const height = bottom + GAP + lines.length * LINE + MARGIN;
  const heightInches = round(height / PIXELS_PER_INCH);
  const texts = lines.map((line, at) =>
    svgText(MARGIN, bottom + GAP + (at + 0.75) * LINE, line, { size: SMALL_FONT_SIZE, colour: '#55585e' }),
  );
  const svg = figure.svg
    .replace(/^(<svg[^>]*? height=")[^"]*"/, `$1${heightInches}in"`)
    .replace(/^(<svg[^>]*? viewBox="[\d.]+ [\d.]+ [\d.]+ )[\d.]+"/, `$1${round(heightInches * PIXELS_PER_INCH)}"`)
    .replace(/<\/svg>\s*$/, `<g font-family="Inter">${texts.join('')}</g>\n</svg>\n`);
  return { svg, widthInches: figure.widthInches, heightInches };
}

/** Lines of words that fit into a width; a word that is wider stands alone. */
export function wrapText(text: string, width: number, size: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (textWidth(longer, size) > width && line !== '') {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return line === '' ? lines : [...lines, line];
}
