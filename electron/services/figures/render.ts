import { Resvg } from '@resvg/resvg-js';
import PDFDocument from 'pdfkit';
import encodeChunks from 'png-chunks-encode';
import extractChunks from 'png-chunks-extract';
import svgToPdfKit from 'svg-to-pdfkit';
import { resourcePath } from '../resources.ts';
import { FONT_FAMILY, PIXELS_PER_INCH, type SvgFigure } from './svg-document.ts';

const REGULAR = 'Inter-Regular.ttf';
const SEMI_BOLD = 'Inter-SemiBold.ttf';
const POINTS_PER_INCH = 72;

/**
 * Draws a figure as PNG.
 * @param dpi dots an inch; written into the file (300 for colour figures, 600 for line art).
 */
export function renderPng(figure: SvgFigure, dpi = 300): Buffer {
  const drawn = new Resvg(figure.svg, {
    dpi: PIXELS_PER_INCH,
    fitTo: { mode: 'zoom', value: dpi / PIXELS_PER_INCH },
    font: {
      fontFiles: [resourcePath('fonts', REGULAR), resourcePath('fonts', SEMI_BOLD)],
      loadSystemFonts: false,
      defaultFontFamily: FONT_FAMILY,
    },
    background: '#ffffff',
  }).render();
  return withDensity(drawn.asPng(), dpi);
}

const METRES_PER_INCH = 0.0254;

/** The same picture with its dots an inch in the pHYs chunk (PNG specification, 11.3.4.3), where layout programs look. */
function withDensity(png: Buffer, dpi: number): Buffer {
  const data = Buffer.alloc(9);
  const dotsPerMetre = Math.round(dpi / METRES_PER_INCH);
  data.writeUInt32BE(dotsPerMetre, 0);
  data.writeUInt32BE(dotsPerMetre, 4);
  data.writeUInt8(1, 8);
  const [header, ...rest] = extractChunks(png);
  if (!header) throw new TypeError('The PNG encoder returned no chunks.');
  return Buffer.from(encodeChunks([header, { name: 'pHYs', data }, ...rest]));
}

/** Draws a figure as a one-page PDF whose page is the figure: vector lines and text, embedded TrueType fonts. */
export async function renderPdf(figure: SvgFigure): Promise<Buffer> {
  const width = figure.widthInches * POINTS_PER_INCH;
  const height = figure.heightInches * POINTS_PER_INCH;
  const document = new PDFDocument({ size: [width, height], margin: 0, info: { Creator: 'Pairlight' } });
  const chunks: Buffer[] = [];
  const finished = new Promise<Buffer>((resolve, reject) => {
    document.on('data', (chunk: Buffer) => chunks.push(chunk));
    document.on('end', () => resolve(Buffer.concat(chunks)));
    document.on('error', reject);
  });
  document.registerFont(REGULAR, resourcePath('fonts', REGULAR));
  document.registerFont(SEMI_BOLD, resourcePath('fonts', SEMI_BOLD));
  svgToPdfKit(document, figure.svg, 0, 0, {
    width,
    height,
    fontCallback: (_family, bold) => (bold ? SEMI_BOLD : REGULAR),
  });
  document.end();
  return finished;
}

export type FigureFormat = 'svg' | 'pdf' | 'png';

/** The bytes of a figure file in `format`. */
export async function renderFigure(figure: SvgFigure, format: FigureFormat, dpi = 300): Promise<Buffer> {
  switch (format) {
    case 'svg':
      return Buffer.from(figure.svg);
    case 'pdf':
      return renderPdf(figure);
    case 'png':
      return renderPng(figure, dpi);
  }
}
