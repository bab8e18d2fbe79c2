import { posix } from 'node:path';
import type { SkippedFile } from '../../../../shared/domain/dataset.ts';
import { AppError } from '../../../../shared/domain/errors.ts';
import type { ImportPlan } from '../../../../shared/domain/import-plan.ts';
import type { Split } from '../../../../shared/domain/shape.ts';
import type { DataFormat, DataItem, EncodedSource, ItemColumns } from '../data-source.ts';
import type { FileTree } from '../tree/tree.ts';
import { byName, isImageName, numbered } from './coded-images.ts';
import { splitWithin } from './split-names.ts';
import { plain } from './list-rows.ts';
import { folderOf, nameOfFolder, pathIn } from './tree-names.ts';

const SHARD = /\.(tar|tgz|tar\.(gz|xz|zst))$/i;
/** Names of the label in the JSON of a sample, after the one that the plan gives. */
const LABELS = ['label', 'cls', 'class', 'class_id'] as const;
/** Names of the classes, one a line, as the Hugging Face hub puts them beside shards. */
const CLASS_NAMES = 'classnames.txt';

/**
 * WebDataset (Aizman, Maltby & Breuel 2019): tars whose neighbouring files share a key, `0001.jpg` with `0001.cls`, `0001.json`
 * or `0001.txt`; one such tar, or a folder of them.
 */
export const webdataset: DataFormat = {
  name: 'webdataset',
  async fits(tree) {
    if (tree.chosen !== null) return false;
    if (SHARD.test(tree.root)) return samplesOf(tree, '').some(({ image, parts }) => image !== null && hasLabel(parts));
    // A folder or archive with nothing but shards, and what describes them.
    return shardsOf(tree).length > 0 && !tree.files.some(({ path }) => isImageName(path));
  },
  open: openShards,
};

/** The files of one key. */
interface Sample {
  readonly key: string;
  image: string | null;
  /** File by ending. */
  readonly parts: Map<string, string>;
}

interface Labelled {
  readonly tree: FileTree;
  /** Its name within the shard, and within the folder of shards. */
  readonly path: string;
  readonly name: string;
  readonly label: string;
  readonly split: Split | null;
  readonly columns: ItemColumns | null;
}

async function openShards(tree: FileTree, plan: ImportPlan): Promise<EncodedSource> {
  const shards = shardsOf(tree);
  const opened: FileTree[] = [];
  const skipped: SkippedFile[] = [];
  const found: Labelled[] = [];
  try {
    if (shards.length === 0) await readShard(tree, '', plan, found, skipped);
    for (const shard of shards) {
      const one = await openShard(tree, shard, skipped);
      if (!one) continue;
      opened.push(one);
      skipped.push(...one.skipped.map(({ file, reason }) => ({ file: pathIn(shard, file), reason })));
      await readShard(one, shard, plan, found, skipped);
    }
    if (found.length === 0) throw noSamples(tree, skipped);
    const { classes, labels, named } = await classesOf(tree, found);
    const splits = new Set(found.map(({ split }) => split));
    const items = found.map(({ name, split, columns }, at): DataItem => ({
      name,
      label: labels[at] ?? 0,
      // One split alone is no division.
      split: splits.size > 1 ? split : null,
      ...(columns && { columns }),
    }));
    return {
      kind: 'webdataset',
      form: 'encoded',
      suggestedName: nameOfFolder(tree, folderOf(shards[0] ?? '')),
      classes,
      keepsClasses: named,
      items,
      skipped: [...tree.skipped, ...skipped],
      load: (index) => {
        const one = found[index];
        return one ? one.tree.read(one.path) : tree.read('');
      },
      close: async () => {
        for (const one of opened) await one.close();
      },
    };
  } catch (error) {
    for (const one of opened) await one.close();
    throw error;
  }
}

function shardsOf(tree: FileTree): string[] {
  if (SHARD.test(tree.root)) return [];
  const shards = tree.files.flatMap(({ path }) => (SHARD.test(path) ? [path] : []));
  const [first] = shards;
  return first === undefined ? [] : shards.filter((path) => folderOf(path) === folderOf(first)).sort(byName);
}

async function openShard(tree: FileTree, shard: string, skipped: SkippedFile[]): Promise<FileTree | null> {
  try {
    const one = await tree.openInner?.(shard);
    if (one) return one;
    skipped.push({ file: shard, reason: 'is no tar' });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'bad-data') throw error;
    skipped.push({ file: shard, reason: error.message });
  }
  return null;
}

/** Files by key: all of the path up to the first dot of the file's name. */
function samplesOf(tree: FileTree, shard: string): Sample[] {
  const samples = new Map<string, Sample>();
  for (const { path } of tree.files) {
    const dot = path.indexOf('.', path.lastIndexOf('/') + 1);
    if (dot < 0) continue;
    const key = path.slice(0, dot);
    const ending = path.slice(dot + 1).toLowerCase();
    const sample = samples.get(key) ?? { key: pathIn(shard, key), image: null, parts: new Map<string, string>() };
    if (isImageName(`x.${ending}`) && !ending.includes('.')) sample.image ??= path;
    else sample.parts.set(ending, path);
    samples.set(key, sample);
  }
  return [...samples.values()];
}

function hasLabel(parts: ReadonlyMap<string, string>): boolean {
  return parts.has('cls') || parts.has('json') || parts.has('txt');
}

async function readShard(
  tree: FileTree,
  shard: string,
  plan: ImportPlan,
  found: Labelled[],
  skipped: SkippedFile[],
): Promise<void> {
  const split = splitWithin(posix.basename(shard === '' ? tree.root : shard));
  for (const { key, image, parts } of samplesOf(tree, shard)) {
    if (image === null) {
      if (hasLabel(parts) && !parts.has(CLASS_NAMES)) skipped.push({ file: key, reason: 'has no image' });
      continue;
    }
    const name = pathIn(shard, image);
    try {
      const { label, columns } = await readLabel(tree, parts, plan);
      if (label === null)
        skipped.push({ file: name, reason: 'has no class: neither .cls, nor a label in .json, nor .txt' });
      else if (Number(label) < 0) skipped.push({ file: name, reason: `has the class ${label}: below 0 means none` });
      else found.push({ tree, path: image, name, label, split, columns });
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'bad-data') throw error;
      skipped.push({ file: name, reason: `has a label that cannot be read: ${error.message}` });
    }
  }
}

async function readLabel(
  tree: FileTree,
  parts: ReadonlyMap<string, string>,
  plan: ImportPlan,
): Promise<{ readonly label: string | null; readonly columns: ItemColumns | null }> {
  const textOf = async (ending: string): Promise<string | null> => {
    const path = parts.get(ending);
    return path === undefined
      ? null
      : Buffer.from(await tree.read(path))
          .toString('utf8')
          .trim() || null;
  };
  const cls = await textOf('cls');
  const txt = await textOf('txt');
  const json = jsonOf(await textOf('json'), parts.get('json') ?? '');
  const given = [plan.columns.label, ...LABELS].find((name) => plain(json[name]) !== null);
  const fromJson = given === undefined ? null : plain(json[given]);
  const label = cls ?? (fromJson === null ? null : String(fromJson)) ?? txt;
  const columns: Record<string, string | number | null> = {};
  for (const [name, value] of Object.entries(json)) if (name !== given) columns[name] = plain(value);
  if (txt !== null && label !== txt) columns['text'] = txt;
  return { label, columns: Object.keys(columns).length > 0 ? columns : null };
}

function jsonOf(text: string | null, path: string): Readonly<Record<string, unknown>> {
  if (text === null) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    return { label: value };
  } catch (cause) {
    throw new AppError('bad-data', `${path} is no valid JSON`, { cause, details: { file: path } });
  }
}

/** Classes by their numbers with the names of {@link CLASS_NAMES}, else those that occur. */
async function classesOf(
  tree: FileTree,
  found: readonly Labelled[],
): Promise<{ readonly classes: readonly string[]; readonly labels: readonly number[]; readonly named: boolean }> {
  const file = tree.files.find(({ path }) => posix.basename(path) === CLASS_NAMES);
  const names = file
    ? Buffer.from(await tree.read(file.path))
        .toString('utf8')
        .trim()
        .split(/\r?\n/)
    : [];
  const labels = found.map(({ label }) => (/^\d+$/.test(label) ? Number(label) : -1));
  const outside = labels.findIndex((label) => label < 0 || label >= names.length);
  if (names.length === 0 || new Set(names).size < names.length) {
    return { ...numbered(found.map(({ label }) => label)), named: false };
  }
  if (outside >= 0) {
    throw new AppError(
      'bad-data',
      `${found[outside]?.name} has class ${found[outside]?.label}, but ${CLASS_NAMES} names ${names.length} classes, 0 to ${names.length - 1}.`,
      { details: { file: found[outside]?.name ?? '' } },
    );
  }
  return { classes: names, labels, named: true };
}

function noSamples(tree: FileTree, skipped: readonly SkippedFile[]): AppError {
  const first = skipped[0] ?? tree.skipped[0];
  const example = first ? ` For example, ${first.file} ${first.reason}.` : '';
  return new AppError(
    'bad-data',
    `${tree.root} holds no sample of WebDataset: an image such as 0001.jpg with 0001.cls, 0001.json or 0001.txt in the same tar.${example}`,
    { details: { file: tree.root } },
  );
}
