import { availableParallelism } from 'node:os';
import type { SkippedFile } from '../../../../shared/domain/dataset.ts';
import type { ImportPlan } from '../../../../shared/domain/import-plan.ts';
import type { ImageShape } from '../../../../shared/domain/shape.ts';
import type { Control } from '../../jobs/control.ts';
import type { ArraySource, EncodedSource } from '../data-source.ts';
import { readHead } from '../pictures/head.ts';
import type { PictureHead } from '../pictures/head.ts';
import type { Target } from '../pictures/target.ts';
import type { OpenedSource } from './open-source.ts';
import { inOrder } from './in-order.ts';
import { pieceOf, reasonOf } from './reasons.ts';

/** So many images of a large source are looked at before its size and colour are settled. */
export const MOST_HEADS = 2_000;

/** What images come to be, and what they are. */
export interface Survey {
  readonly target: Target;
  /** [height, width, channels] of the packed images. */
  readonly shape: ImageShape;
  /** Sizes in the source, the commonest first. */
  readonly sizes: readonly { readonly width: number; readonly height: number; readonly images: number }[];
  /** How many images were looked at. */
  readonly looked: number;
  /** Items that are no pictures, among those looked at. */
  readonly unreadable: ReadonlyMap<number, SkippedFile>;
  readonly notes: readonly string[];
}

/**
 * Settles size, colour and depth of an import. Looks at the heads of up to {@link MOST_HEADS} images, evenly chosen.
 * @param items of the source that the plan takes, ascending.
 * @throws AppError if the source is gone, or `cancelled`.
 */
export async function survey(
  opened: OpenedSource,
  items: Uint32Array,
  plan: ImportPlan,
  control: Control,
): Promise<Survey> {
  const { source } = opened;
  const seen =
    source.form === 'array'
      ? surveyArray(source, items.length, plan)
      : await surveyPictures(opened, source, items, plan, control);
  return { ...seen, notes: [...(source.notes ?? []), ...seen.notes] };
}

function surveyArray(source: ArraySource, count: number, plan: ImportPlan): Survey {
  const [height, width, own] = source.shape;
  const channels = channelsOf(plan, own === 1);
  const depth = plan.depth === 'auto' ? (source.samples === 'f32' ? 'f32' : 'u8') : plan.depth;
  const notes: string[] = [];
  if (source.samples === 'u16' && depth === 'u8') notes.push(SIXTEEN_BITS);
  if (plan.originals !== 'none') notes.push('Originals are kept of image files only, not of arrays.');
  if (plan.masks !== null) notes.push('Key areas are looked for beside image files only, not beside arrays.');
  return {
    ...targetOf(plan, [width, height], channels, depth),
    sizes: [{ width, height, images: count }],
    looked: count,
    unreadable: new Map(),
    notes,
  };
}

async function surveyPictures(
  opened: OpenedSource,
  source: EncodedSource,
  items: Uint32Array,
  plan: ImportPlan,
  control: Control,
): Promise<Survey> {
  const chosen = evenly(items, MOST_HEADS);
  const heads: PictureHead[] = [];
  const unreadable = new Map<number, SkippedFile>();
  let done = 0;
  const look = async (item: number): Promise<{ item: number; head: PictureHead | null; reason: string }> => {
    try {
      return { item, head: await readHead(await source.load(item)), reason: '' };
    } catch (error) {
      return { item, head: null, reason: await reasonOf(error, opened.tree) };
    }
  };
  for await (const { item, head, reason } of inOrder(chosen, 2 * availableParallelism(), look)) {
    if (head) heads.push(head);
    else unreadable.set(item, { file: source.items[item]?.name ?? '', reason });
    done += 1;
    control.progress({ done, total: chosen.length, unit: 'images', message: 'Looking at the images' });
    await control.checkpoint();
  }
  const sizes = sizesOf(heads);
  const [common] = sizes;
  const notes: string[] = [];
  const grey = heads.length > 0 && heads.every((head) => head.grey);
  const partly = chosen.length < items.length;
  if (partly && (plan.size === null || plan.colour === 'auto')) {
    notes.push(
      `${pieceOf(chosen.length, 'image')} of ${items.length.toLocaleString('en')} were looked at, evenly chosen, to settle size and colour.`,
    );
  }
  const depth = plan.depth === 'f32' ? 'f32' : 'u8';
  const deep = heads.filter((head) => head.bits > 8).length;
  if (deep > 0 && depth === 'u8') notes.push(SIXTEEN_BITS);
  return {
    ...targetOf(plan, [common?.width ?? 1, common?.height ?? 1], channelsOf(plan, grey), depth),
    sizes,
    looked: chosen.length,
    unreadable,
    notes,
  };
}

const SIXTEEN_BITS =
  'Images have 16 bits a sample, of which bytes keep the upper 8. Choose 32-bit floats as the depth to lose nothing.';

const channelsOf = (plan: ImportPlan, grey: boolean): 1 | 3 =>
  plan.colour === 'grey' || (plan.colour === 'auto' && grey) ? 1 : 3;

function targetOf(
  plan: ImportPlan,
  common: readonly [number, number],
  channels: 1 | 3,
  depth: 'u8' | 'f32',
): Pick<Survey, 'target' | 'shape'> {
  const [width, height] = plan.size ?? common;
  const { fit, padColour, filter } = plan;
  return { target: { width, height, channels, fit, padColour, filter, depth }, shape: [height, width, channels] };
}

function sizesOf(heads: readonly PictureHead[]): { width: number; height: number; images: number }[] {
  const counts = new Map<string, { width: number; height: number; images: number }>();
  for (const { width, height } of heads) {
    const key = `${width}×${height}`;
    const entry = counts.get(key);
    if (entry) entry.images += 1;
    else counts.set(key, { width, height, images: 1 });
  }
  return [...counts.values()].sort((a, b) => b.images - a.images);
}

/** Up to `most` of the items, evenly spread, first and last among them. */
export function evenly(items: Uint32Array, most: number): Uint32Array {
  if (items.length <= most) return items;
  const step = (items.length - 1) / Math.max(1, most - 1);
  return Uint32Array.from({ length: most }, (_, index) => items[Math.round(index * step)] ?? 0);
}
