import type { Control } from '../../jobs/control.ts';
import type { ChosenItems } from './chosen-items.ts';
import type { OpenedSource } from './open-source.ts';
import { readImages } from './read-images.ts';
import { evenly } from './survey.ts';
import type { Survey } from './survey.ts';

const SAMPLE_IMAGES = 24;
/** Of an array only its beginning is read for a sample: what is compressed can be read from the start alone. */
const ARRAY_ITEMS = 2_000;

export interface Sample {
  /** [images, height, width, channels] after the transformation. */
  readonly pixels: Uint8Array | Float32Array;
  readonly labels: number[];
}

/** Some images as they will be packed, of as many classes as can be; null if none of them decodes. */
export async function takeSample(
  opened: OpenedSource,
  chosen: ChosenItems,
  seen: Survey,
  control: Control,
): Promise<Sample | null> {
  const isArray = opened.source.form === 'array';
  const from = isArray ? chosen.items.subarray(0, ARRAY_ITEMS) : chosen.items;
  const items = spread(from, chosen.labels);
  const labelOf = new Map(Array.from(from, (item, at) => [item, chosen.labels[at] ?? 0]));
  const read: { readonly pixels: Uint8Array | Float32Array; readonly label: number }[] = [];
  const wishes = { target: seen.target, masks: null, originals: 'none', greyByChance: false } as const;
  for await (const image of readImages(opened, items, wishes)) {
    if ('pixels' in image) read.push({ pixels: image.pixels, label: labelOf.get(image.item) ?? 0 });
    await control.checkpoint();
  }
  const [first] = read;
  if (!first) return null;
  const size = first.pixels.length;
  const pixels =
    first.pixels instanceof Float32Array ? new Float32Array(read.length * size) : new Uint8Array(read.length * size);
  read.sort((a, b) => a.label - b.label);
  read.forEach((image, at) => pixels.set(image.pixels, at * size));
  return { pixels, labels: read.map(({ label }) => label) };
}

/** Items of as many classes as possible, evenly spread within each; ascending. */
function spread(items: Uint32Array, labels: Uint16Array): Uint32Array {
  const byClass = new Map<number, number[]>();
  items.forEach((item, at) => {
    const label = labels[at] ?? 0;
    const list = byClass.get(label);
    if (list) list.push(item);
    else byClass.set(label, [item]);
  });
  const classes = [...byClass].sort(([a], [b]) => a - b).map(([, list]) => list);
  const some = evenly(Uint32Array.from(classes.keys()), SAMPLE_IMAGES);
  const taken: number[] = [];
  for (const [at, index] of some.entries()) {
    const share = Math.floor(((at + 1) * SAMPLE_IMAGES) / some.length) - Math.floor((at * SAMPLE_IMAGES) / some.length);
    for (const item of evenly(Uint32Array.from(classes[index] ?? []), share)) taken.push(item);
  }
  return Uint32Array.from(taken).sort();
}
