import { posix } from 'node:path';
import type { SkippedFile } from '../../../../shared/domain/dataset.ts';
import { AppError } from '../../../../shared/domain/errors.ts';
import type { ImportPlan } from '../../../../shared/domain/import-plan.ts';
import type { Split } from '../../../../shared/domain/shape.ts';
import { badData, headOf } from '../../arrays/byte-stream.ts';
import type { DataFormat, EncodedSource, ItemColumns } from '../data-source.ts';
import type { FileTree } from '../tree/tree.ts';
import { encodedSource, imagesOf, isImageName, noteOnCase, numbered } from './coded-images.ts';
import { splitNamed, splitWithin } from './split-names.ts';
import { columnsAtHead, isListName, rowsOf, type ListRow } from './list-rows.ts';
import { folderOf, nameOfFolder, onDisk, pathIn } from './tree-names.ts';

/** What columns are called where the plan does not say otherwise, the likeliest first. */
const NAMES = {
  file: ['file', 'file_name', 'filename', 'image', 'image_path', 'path', 'filepath', 'img'],
  label: ['label', 'labels', 'class', 'class_name', 'category', 'target', 'species'],
  split: ['split', 'set', 'subset', 'part', 'partition'],
} as const;
const LIKELY = /^(manifest|metadata|labels|annotations|index)\./i;
/** A list of images is read whole. */
const LARGEST = 256 * 2 ** 20;
const HEAD_BYTES = 1 << 16;
/** More lists than this are not looked into. */
const LOOKED_INTO = 12;

/** Images with a list of their files, labels and, if given, splits: CSV, JSON or JSON lines. */
export const manifest: DataFormat = {
  name: 'manifest',
  async fits(tree) {
    if (tree.chosen !== null) return isListName(tree.chosen);
    return (await listsOf(tree, NAMES.file, NAMES.label)).length > 0;
  },
  open: openManifest,
};

interface Columns {
  readonly file: string;
  readonly label: string;
  readonly split: string | null;
}

interface Found {
  readonly path: string;
  readonly label: string;
  readonly split: Split | null;
  readonly cells: ReadonlyMap<string, string | number | null>;
  /** Where it was found, for messages. */
  readonly at: string;
}

async function openManifest(tree: FileTree, plan: ImportPlan): Promise<EncodedSource> {
  const lists = await chooseLists(tree, plan);
  const images = new Set(imagesOf(tree, plan));
  const elsewhere = whyMissing(tree);
  const found = new Map<string, Found>();
  const skipped: SkippedFile[] = [];
  const used = new Set<string>();
  for (const list of lists) {
    const columns = await columnsOf(tree, plan, list);
    for (const name of [columns.file, columns.label, columns.split ?? '']) used.add(name);
    const fromName = lists.length > 1 ? splitWithin(posix.basename(list)) : null;
    for await (const row of rowsOf(list, await readList(tree, list), columns)) {
      const at = `${list}, row ${row.row}`;
      const one = 'reason' in row ? row : readRow(tree, list, row, columns, fromName);
      if ('reason' in one) skipped.push({ file: at, reason: one.reason });
      else {
        const before = found.get(one.path);
        const reason = images.has(one.path) ? doubled(one, before) : missing(one.path, elsewhere);
        if (reason !== null) skipped.push({ file: at, reason });
        else found.set(one.path, { ...one, at });
      }
    }
  }
  const rows = [...found.values()];
  if (rows.length === 0) throw nothing(lists, skipped);
  for (const path of images) {
    if (!found.has(path)) skipped.push({ file: path, reason: `is not in ${lists.join(' nor in ')}` });
  }
  for (const { path } of tree.files) {
    if (!isImageName(path) && !lists.includes(path)) {
      skipped.push({ file: path, reason: `is neither an image nor the list that was read` });
    }
  }
  const { classes, labels } = numbered(rows.map(({ label }) => label));
  const columns = extraColumns(rows, used);
  return encodedSource(tree, {
    kind: 'manifest',
    suggestedName: nameOfFolder(tree, folderOf(lists[0] ?? '')),
    classes,
    items: rows.map(({ path, split }, at) => {
      const own = columns[at];
      return { name: path, label: labels[at] ?? 0, split, ...(own && { columns: own }) };
    }),
    skipped,
    notes: noteOnCase(classes),
  });
}

/** The list that was chosen or the outermost one; several where their names say of which parts they are. */
async function chooseLists(tree: FileTree, plan: ImportPlan): Promise<readonly string[]> {
  if (tree.chosen !== null) {
    if (isListName(tree.chosen)) return [tree.chosen];
    throw badData(tree.chosen, 'is no list of images. Choose a CSV, JSON or JSONL file, or the folder of one');
  }
  const { file, label } = plan.columns;
  const lists = await listsOf(tree, [file, ...NAMES.file], [label, ...NAMES.label]);
  const likely = lists.filter((path) => LIKELY.test(posix.basename(path)));
  if (lists.length === 1) return lists;
  if (likely.length === 1) return likely;
  const parts = lists.map((path) => splitWithin(posix.basename(path)));
  if (lists.length > 1 && parts.every((part) => part !== null) && new Set(parts).size === parts.length) return lists;
  throw new AppError(
    'bad-data',
    lists.length === 0
      ? `${tree.root} holds no list of images: a CSV, JSON or JSONL file with columns such as "${file}" and "${label}".`
      : `${tree.root} holds several lists of images (${lists.slice(0, 5).join(', ')}). Choose one of these files.`,
    { details: { file: tree.root } },
  );
}

/** Lists with columns of such names, of the outermost folder that has any. */
async function listsOf(tree: FileTree, files: readonly string[], labels: readonly string[]): Promise<string[]> {
  const depth = (path: string): number => path.split('/').length;
  const named = tree.files
    .filter(({ path, bytes }) => isListName(path) && bytes > 0)
    .sort((a, b) => depth(a.path) - depth(b.path))
    .slice(0, LOOKED_INTO);
  const fitting: string[] = [];
  for (const { path } of named) {
    const [first] = fitting;
    if (first !== undefined && folderOf(first) !== folderOf(path)) continue;
    const columns = columnsAtHead(path, await headOfList(tree, path));
    if (pick(columns, files) !== null && pick(columns, labels) !== null) fitting.push(path);
  }
  return fitting;
}

async function headOfList(tree: FileTree, path: string): Promise<Uint8Array> {
  const bytes = tree.files.find((file) => file.path === path)?.bytes ?? 0;
  try {
    return bytes <= HEAD_BYTES ? await tree.read(path) : await headOf(await onDisk(tree, path), HEAD_BYTES);
  } catch {
    return new Uint8Array(0);
  }
}

async function readList(tree: FileTree, path: string): Promise<Uint8Array> {
  const bytes = tree.files.find((file) => file.path === path)?.bytes ?? 0;
  if (bytes <= LARGEST) return tree.read(path);
  throw badData(path, `has ${bytes} bytes; lists of up to ${LARGEST} bytes are read. Split it into several sets`);
}

/** The list's columns. @throws AppError `bad-data` that names those there are, and says what to do. */
async function columnsOf(tree: FileTree, plan: ImportPlan, list: string): Promise<Columns> {
  const names = columnsAtHead(list, await headOfList(tree, list));
  const isMap =
    /\.json$/i.test(list) && /^\s*\{/.test(Buffer.from((await headOfList(tree, list)).subarray(0, 64)).toString());
  if (isMap) return { file: plan.columns.file, label: plan.columns.label, split: null };
  const choose = (kind: keyof typeof NAMES): string | null => {
    const wanted = plan.columns[kind];
    const isDefault = wanted === NAMES[kind][0];
    return pick(names, isDefault ? NAMES[kind] : [wanted]);
  };
  const [file, label, split] = [choose('file'), choose('label'), choose('split')];
  const lacking = file === null ? plan.columns.file : label === null ? plan.columns.label : null;
  if (file === null || label === null) {
    const there = names.slice(0, 12).map((name) => `"${name}"`);
    throw badData(
      list,
      `has no column "${lacking}"; its columns are ${there.join(', ')}. Say which hold the file and the label`,
    );
  }
  if (split === null && plan.columns.split !== NAMES.split[0]) {
    throw badData(list, `has no column "${plan.columns.split}"; its columns are ${names.slice(0, 12).join(', ')}`);
  }
  return { file, label, split };
}

function pick(names: readonly string[], wanted: readonly string[]): string | null {
  for (const one of wanted) {
    const found = names.find((name) => name === one) ?? names.find((name) => name.toLowerCase() === one.toLowerCase());
    if (found !== undefined) return found;
  }
  return null;
}

function readRow(
  tree: FileTree,
  list: string,
  { row, cells }: ListRow,
  columns: Columns,
  fromName: Split | null,
): Found | { readonly reason: string } {
  const file = cells.get(columns.file) ?? null;
  const label = cells.get(columns.label) ?? null;
  const given = columns.split === null ? null : (cells.get(columns.split) ?? null);
  if (file === null) return { reason: `names no file in the column "${columns.file}"` };
  if (label === null || String(label).trim() === '') return { reason: `gives ${file} no label` };
  if (Number(label) < 0) return { reason: `gives ${file} the label ${label}: below 0 means none` };
  const split = given === null ? fromName : splitNamed(String(given));
  if (given !== null && split === null) {
    return { reason: `gives ${file} the unknown split "${given}": train, validation and test are known` };
  }
  const path = pathOf(tree, list, String(file));
  if (path === null) return { reason: `names ${file}, which leads outside the folder` };
  return { path, label: String(label).trim(), split, cells, at: String(row) };
}

/** A file as a list names it: from the list's folder on, or absolute within the tree. */
function pathOf(tree: FileTree, list: string, file: string): string | null {
  const slashed = file.trim().replaceAll('\\', '/');
  const root = `${tree.root.replaceAll('\\', '/')}/`;
  if (slashed.startsWith(root)) return posix.normalize(slashed.slice(root.length));
  if (slashed.startsWith('/') || /^[a-z]:/i.test(slashed)) return null;
  const path = posix.normalize(pathIn(folderOf(list), slashed));
  return path === '..' || path.startsWith('../') ? null : path;
}

function doubled(one: Found, before: Found | undefined): string | null {
  if (!before) return null;
  return before.label === one.label
    ? `names ${one.path} again: ${before.at} does already`
    : `says that ${one.path} is ${one.label}, but ${before.at} says ${before.label}: the first is taken`;
}

/** What is known of paths that are no images, beside that they do not exist. */
function whyMissing(tree: FileTree): ReadonlyMap<string, string> {
  const known = new Map(tree.files.map(({ path }) => [path, 'is no image file']));
  for (const { file, reason } of tree.skipped) known.set(file, reason);
  return known;
}

function missing(path: string, known: ReadonlyMap<string, string>): string {
  return `names ${path}, which ${known.get(path) ?? 'does not exist'}`;
}

/** What the lists say beside file, label and split: as numbers where a column holds nothing else. */
function extraColumns(rows: readonly Found[], used: ReadonlySet<string>): readonly (ItemColumns | null)[] {
  const names = new Set(
    rows.flatMap(({ cells }) => [...cells.keys()].filter((name) => name !== '' && !used.has(name))),
  );
  if (names.size === 0) return rows.map(() => null);
  const numeric = new Set([...names].filter((name) => rows.every(({ cells }) => isNumber(cells.get(name) ?? null))));
  return rows.map(({ cells }) =>
    Object.fromEntries(
      [...names].map((name) => {
        const cell = cells.get(name) ?? null;
        return [name, cell !== null && numeric.has(name) ? Number(cell) : cell];
      }),
    ),
  );
}

/** Numbers as they are usually written: `007` is a name. */
function isNumber(cell: string | number | null): boolean {
  return cell === null || typeof cell === 'number' || /^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i.test(cell);
}

function nothing(lists: readonly string[], skipped: readonly SkippedFile[]): AppError {
  const [first] = skipped;
  const example = first ? ` For example, ${first.file} ${first.reason}.` : '';
  return new AppError('bad-data', `${lists.join(', ')} names no image that is there.${example}`, {
    details: { file: lists[0] ?? '', skipped: skipped.length },
  });
}
