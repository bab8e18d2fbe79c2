import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ImportPreview, SkippedFile } from '../../../../shared/domain/dataset.ts';
import type { ImportPlan } from '../../../../shared/domain/import-plan.ts';
import { formatNpy } from '../../arrays/npy.ts';
import type { Control } from '../../jobs/control.ts';
import { assignSplits, countSplits } from '../splits.ts';
import { chooseItems, itemsOf, tooFew } from './chosen-items.ts';
import type { ChosenItems } from './chosen-items.ts';
import { maskPath } from './masks.ts';
import { openSource } from './open-source.ts';
import type { OpenedSource } from './open-source.ts';
import { nothingGood } from './reasons.ts';
import { sampleFile } from './sample-name.ts';
import { takeSample } from './sample.ts';
import { bytesFree, bytesNeeded } from './space.ts';
import { survey } from './survey.ts';

/** More files than this are counted, not listed. */
const SKIPPED_LISTED = 500;
const NAMES = 200;

export interface PreviewJob {
  readonly plan: ImportPlan;
  /** Existing folder for the sample and for what archives need unpacked; an import can go on with it. */
  readonly scratch: string;
  /** Names the sample: `<token>-<number>`. */
  readonly sample: string;
  /** Folder on the disk that the data set would go to. */
  readonly library: string;
}

/**
 * What an import by the plan would make, with a sample of the images after the transformation. Writes nothing but
 * scratch files.
 * @throws AppError as `importDataset` does.
 */
export async function previewImport(
  { plan, scratch, sample, library }: PreviewJob,
  control: Control,
): Promise<ImportPreview> {
  control.progress({ done: 0, total: 1, unit: 'images', message: 'Looking at the files' });
  const opened = await openSource(plan, scratch, control);
  try {
    const { source } = opened;
    const path = resolve(plan.path);
    const all = chooseItems(source, plan, path);
    const seen = await survey(opened, all.items, plan, control);
    if (seen.unreadable.size === seen.looked) throw nothingGood(path, [...seen.unreadable.values()][0]);
    const chosen = readable(opened, all, seen.unreadable);
    if (chosen.classes.length < 2) throw tooFew(path, chosen.classes);
    const items = itemsOf(source, chosen);
    const counts = chosen.classes.map(() => 0);
    for (const { label } of items) counts[label] = (counts[label] ?? 0) + 1;
    const images = await takeSample(opened, chosen, seen, control);
    if (images) {
      const { pixels, labels } = images;
      const dtype = seen.target.depth;
      await writeFile(
        join(scratch, sampleFile(sample)),
        formatNpy({ dtype, shape: [labels.length, ...seen.shape], data: pixels }),
      );
    }
    control.progress({ done: 1, total: 1, unit: 'images', message: 'Looked' });
    return {
      path,
      format: source.kind,
      formats: [...opened.formats],
      sizes: seen.sizes.slice(0, NAMES),
      looked: seen.looked,
      columns: columnsOf(opened),
      masks: plan.masks === null ? null : masksFound(opened, chosen, plan.masks),
      notes: [...seen.notes],
      ...(images && { sample: { id: sample, labels: images.labels, pixels: seen.target.depth } }),
      suggestedName: source.suggestedName,
      images: chosen.items.length,
      shape: seen.shape,
      classes: chosen.classes.map((name, label) => ({ name, images: counts[label] ?? 0 })),
      found: [...all.found],
      splits: countSplits(assignSplits(items, plan)),
      skipped: shortened([...source.skipped, ...seen.unreadable.values()]),
      bytesNeeded: bytesNeeded({ opened, chosen: all, seen, plan }),
      bytesFree: await bytesFree(library),
    };
  } finally {
    await opened.close();
  }
}

/** Without what does not decode, and without classes of which nothing is left, as the import will see it. */
function readable(
  { source }: OpenedSource,
  chosen: ChosenItems,
  unreadable: ReadonlyMap<number, SkippedFile>,
): ChosenItems {
  if (unreadable.size === 0) return chosen;
  const kept = chosen.items.reduce<number[]>((list, item, at) => {
    if (!unreadable.has(item)) list.push(at);
    return list;
  }, []);
  const used = new Set(kept.map((at) => chosen.labels[at] ?? 0));
  const taken = [...chosen.classes.keys()].filter((label) => source.keepsClasses === true || used.has(label));
  const labelOf = new Map(taken.map((label, index) => [label, index]));
  return {
    ...chosen,
    classes: taken.map((label) => chosen.classes[label] ?? ''),
    items: Uint32Array.from(kept, (at) => chosen.items[at] ?? 0),
    labels: Uint16Array.from(kept, (at) => labelOf.get(chosen.labels[at] ?? 0) ?? 0),
  };
}

function columnsOf({ source }: OpenedSource): string[] {
  const names = new Set<string>();
  for (const { columns } of source.items) {
    for (const name of Object.keys(columns ?? {})) names.add(name);
    if (names.size >= NAMES) break;
  }
  return [...names];
}

function masksFound({ tree, source }: OpenedSource, { items }: ChosenItems, rule: string): number {
  const files = new Set(tree.files.map(({ path }) => path));
  return items.reduce((sum, item) => sum + (files.has(maskPath(rule, source.items[item]?.name ?? '')) ? 1 : 0), 0);
}

function shortened(skipped: readonly SkippedFile[]): SkippedFile[] {
  if (skipped.length <= SKIPPED_LISTED) return [...skipped];
  const more = skipped.length - SKIPPED_LISTED;
  return [...skipped.slice(0, SKIPPED_LISTED), { file: '…', reason: `and ${more.toLocaleString('en')} more` }];
}
