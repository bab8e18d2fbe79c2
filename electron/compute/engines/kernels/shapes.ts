import type { Padding } from './names.ts';

/** Zero rows and columns that a convolution of stride 1 adds before and after its input. */
export interface ConvPadding {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** The padding of the forward convolution; `same` puts the odd one at the end, as TensorFlow does. */
export function forwardPadding(filter: readonly number[], pad: Padding): ConvPadding {
  const [height = 1, width = 1] = filter;
  if (pad === 'valid') return { top: 0, bottom: 0, left: 0, right: 0 };
  const top = Math.floor((height - 1) / 2);
  const left = Math.floor((width - 1) / 2);
  return { top, bottom: height - 1 - top, left, right: width - 1 - left };
}

/** The padding with which a convolution of dy with the flipped filter gives dx. */
export function backwardPadding(filter: readonly number[], pad: Padding): ConvPadding {
  const [height = 1, width = 1] = filter;
  const { top, bottom, left, right } = forwardPadding(filter, pad);
  return { top: height - 1 - top, bottom: height - 1 - bottom, left: width - 1 - left, right: width - 1 - right };
}
