import { readFileSync } from 'node:fs';
import { create, type Font } from 'fontkit';
import { resourcePath } from '../resources.ts';

let font: Font | undefined;

/** Width of a line of text in the figure font, in the unit of `size`. */
export function textWidth(text: string, size: number): number {
  font ??= openFont();
  return (font.layout(text).advanceWidth / font.unitsPerEm) * size;
}

function openFont(): Font {
  const opened = create(readFileSync(resourcePath('fonts', 'Inter-Regular.ttf')));
  if (!('layout' in opened)) throw new TypeError('The figure font is a collection; a single face is needed.');
  return opened;
}
