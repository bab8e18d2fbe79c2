import type { SkippedFile } from '../../../../shared/domain/dataset.ts';
import type { ImportPlan } from '../../../../shared/domain/import-plan.ts';
import type { Split } from '../../../../shared/domain/shape.ts';
import { badData } from '../../arrays/byte-stream.ts';
import { openParquet } from '../../arrays/parquet-file.ts';
import type { ParquetFile } from '../../arrays/parquet-file.ts';
import type { DataFormat, DataItem, EncodedSource, ItemColumns } from '../data-source.ts';
import type { FileTree } from '../tree/tree.ts';
import { LABEL_NAMES, bySplit, readName } from './array-names.ts';
import { classify } from './array-labels.ts';
import { listStrays } from './stray-labels.ts';
import { stemOf } from './file-set.ts';
import { folderOf, nameOfFolder, onDisk } from './tree-names.ts';
import { columnsOf, imagesOf } from './parquet-columns.ts';

/** Parts of a set: `train-00000-of-00002.parquet`. */
const SHARD = /-\d+-of-\d+\.parquet$/i;

/**
 * Parquet as the Hugging Face hub exports sets of images: a column of coded images (`bytes` and `path`, or bytes alone) and
 * one of labels, whose names are kept with the file (ClassLabel) or which are text. Parts are told by the names of files
 * and folders. Of the images one group of rows at a time is in memory.
 */
export const parquet: DataFormat = {
  name: 'parquet',
  fits: async (tree) => Promise.resolve(filesOf(tree).length > 0),
  open: openSet,
};

function filesOf({ files, chosen }: FileTree): readonly string[] {
  const all = files.map(({ path }) => path).filter((path) => path.toLowerCase().endsWith('.parquet'));
  if (chosen === null) return all;
  if (!chosen.toLowerCase().endsWith('.parquet')) return [];
  if (SHARD.test(chosen)) return all.filter((path) => SHARD.test(path) && folderOf(path) === folderOf(chosen));
  return [chosen];
}

/** The part that a file belongs to, by its own name or that of its folder. */
function splitOf(path: string): Split | null {
  return readName(stemOf(path)).split ?? readName(folderOf(path).split('/').pop() ?? '').split;
}

interface Row {
  readonly file: ParquetFile;
  readonly row: number;
}

async function openSet(tree: FileTree, plan: ImportPlan): Promise<EncodedSource> {
  const paths = [...filesOf(tree)].sort((a, b) => bySplit(splitOf(a), splitOf(b)));
  if (paths.length === 0) throw badData(tree.root, 'holds no Parquet file');
  const skipped: SkippedFile[] = [...tree.skipped];
  const rows: Row[] = [];
  const items: DataItem[] = [];
  const values: (number | string)[] = [];
  let names: readonly string[] | null = null;
  let image = '';
  const several = new Set(paths.map(splitOf)).size > 1;
  for (const path of paths) {
    const file = await openParquet(await onDisk(tree, path));
    const chosen = columnsOf(file, [plan.columns.label, ...LABEL_NAMES]);
    ({ image } = chosen);
    names ??= chosen.names;
    const labels = await file.column(chosen.label);
    const columns = await extrasOf(file, chosen.extras);
    let without = 0;
    for (const [row, value] of labels.entries()) {
      const label = labelOf(value);
      if (label === null) {
        without += 1;
        continue;
      }
      values.push(label);
      rows.push({ file, row });
      const own = columns[row];
      const item = { name: `${path}[${row}]`, label: 0, split: several ? splitOf(path) : null };
      items.push(own ? { ...item, columns: own } : item);
    }
    if (without > 0) skipped.push({ file: path, reason: `${without} of its ${labels.length} images have no label` });
  }
  const [first = ''] = paths;
  const raw = { name: first, values: values as readonly number[] | readonly string[], note: null };
  const policy = { keepsNumbers: names !== null, fromOne: false, tenIsZero: false };
  const { classes, labels, keepsClasses } = classify([raw], policy, { names, count: null, file: first });
  const labelled = items.map((item, at) => ({ ...item, label: labels[0]?.[at] ?? 0 }));
  return {
    kind: 'parquet',
    form: 'encoded',
    suggestedName: nameOf(tree, first),
    classes,
    ...(keepsClasses ? { keepsClasses } : {}),
    items: labelled,
    skipped: [...skipped, ...listStrays(labelled, (item) => values[item])],
    load: imagesOf(rows, image),
  };
}

function nameOf(tree: FileTree, path: string): string {
  const folder = folderOf(path).replace(/(^|\/)(data|train|test|validation|default)$/, '');
  return tree.chosen !== null && !SHARD.test(tree.chosen) ? stemOf(tree.chosen) : nameOfFolder(tree, folder);
}

function labelOf(value: unknown): number | string | null {
  if (typeof value === 'bigint') return value < 0n ? null : Number(value);
  if (typeof value === 'number') return value < 0 ? null : value;
  if (typeof value === 'boolean') return Number(value);
  return typeof value === 'string' ? value : null;
}

/** Values of further columns, by row. */
async function extrasOf(file: ParquetFile, names: readonly string[]): Promise<readonly ItemColumns[]> {
  const columns: [string, readonly unknown[]][] = [];
  for (const name of names) columns.push([name, await file.column(name)]);
  if (columns.length === 0) return [];
  return Array.from({ length: file.rows }, (_, row) =>
    Object.fromEntries(columns.map(([name, values]) => [name, plain(values[row])])),
  );
}

function plain(value: unknown): string | number | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' || typeof value === 'string') return value;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'boolean' ? String(value) : null;
}
