import type { Target } from './target.ts';

/** A rectangle of the source, in its pixels; edges may fall between two of them. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Which part of a picture goes where. */
export interface Placement {
  readonly box: Box;
  /** Size that the box is brought to. */
  readonly width: number;
  readonly height: number;
  /** Of its top left corner in the target; the rest is filled. */
  readonly left: number;
  readonly top: number;
}

/**
 * Where a picture of `width` × `height` goes in a target, as Pillow's ImageOps.fit, resize and ImageOps.pad place it:
 * `crop` takes the largest centred part of the target's proportions, `stretch` all of it, `pad` all of it with its
 * proportions, centred. A part that is not scaled begins at a whole pixel, so that nothing is blurred.
 */
export function place(width: number, height: number, target: Pick<Target, 'width' | 'height' | 'fit'>): Placement {
  const whole: Box = { left: 0, top: 0, right: width, bottom: height };
  const all = { width: target.width, height: target.height, left: 0, top: 0 };
  if (target.fit === 'stretch' || width * target.height === height * target.width) return { box: whole, ...all };
  const wider = width * target.height > height * target.width;
  if (target.fit === 'pad') {
    const size = {
      width: wider ? target.width : Math.max(1, Math.round((width * target.height) / height)),
      height: wider ? Math.max(1, Math.round((height * target.width) / width)) : target.height,
    };
    return {
      box: whole,
      ...size,
      left: Math.floor((target.width - size.width) / 2),
      top: Math.floor((target.height - size.height) / 2),
    };
  }
  const boxWidth = wider ? (height * target.width) / target.height : width;
  const boxHeight = wider ? height : (width * target.height) / target.width;
  const isScaled = boxWidth !== target.width || boxHeight !== target.height;
  const left = (width - boxWidth) / 2;
  const top = (height - boxHeight) / 2;
  return {
    box: boxAt(isScaled ? left : Math.floor(left), isScaled ? top : Math.floor(top), boxWidth, boxHeight),
    ...all,
  };
}

function boxAt(left: number, top: number, width: number, height: number): Box {
  return { left, top, right: left + width, bottom: top + height };
}

/** Source pixels that become one: the smaller of both directions; 1 where nothing is scaled, less for an enlargement. */
export function reduction({ box, width, height }: Placement): number {
  return Math.min((box.right - box.left) / width, (box.bottom - box.top) / height);
}

/** Whether pixels are only copied. */
export function isCopy({ box, width, height }: Placement): boolean {
  return box.right - box.left === width && box.bottom - box.top === height;
}
