/** Sizes of figures: inches for people, points (1/72 in) in files, CSS pixels (1/96 in) inside the SVG. */
export interface FigureSize {
  readonly widthInches: number;
  readonly heightInches: number;
}

export interface SvgFigure extends FigureSize {
  /** A complete SVG document whose user unit is 1/96 in. */
  readonly svg: string;
}

export const PIXELS_PER_INCH = 96;
export const FONT_FAMILY = 'Inter';

/** Text of 8 pt at the figure's final size, in SVG user units. */
export const FONT_SIZE = (8 / 72) * PIXELS_PER_INCH;
export const SMALL_FONT_SIZE = (7 / 72) * PIXELS_PER_INCH;

export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Wraps drawing commands into a document of exactly the figure's size, on white. */
export function svgDocument(size: FigureSize, title: string, body: string): string {
  const width = size.widthInches * PIXELS_PER_INCH;
  const height = size.heightInches * PIXELS_PER_INCH;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${size.widthInches}in" height="${size.heightInches}in" viewBox="0 0 ${round(width)} ${round(height)}" font-family="${FONT_FAMILY}" font-size="${round(FONT_SIZE)}">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    body,
    '</svg>\n',
  ].join('\n');
}

export interface TextStyle {
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly bold?: boolean;
  readonly size?: number;
  readonly colour?: string;
}

/** One line of text with its baseline at (x, y). */
export function svgText(x: number, y: number, text: string, style: TextStyle = {}): string {
  const { anchor = 'start', bold = false, size = FONT_SIZE, colour = '#1b1c1e' } = style;
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" font-size="${round(size)}"${bold ? ' font-weight="600"' : ''} fill="${colour}">${escapeXml(text)}</text>`;
}

/** A raster image. */
export function svgImage(x: number, y: number, width: number, height: number, png: Buffer): string {
  return `<image x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" xlink:href="data:image/png;base64,${png.toString('base64')}"/>`;
}

export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
