import { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { badData } from '../../arrays/byte-stream.ts';
import { asUtf8 } from '../tree/listing.ts';

/** One row of a list of images: a line of CSV, or an object of JSON. */
export interface ListRow {
  /** Where it stands, for messages: `row 3` counted from 1, without the heading. */
  readonly row: number;
  readonly cells: ReadonlyMap<string, string | number | null>;
}

/** A row that is none, and why. */
export interface BadRow {
  readonly row: number;
  readonly reason: string;
}

const SLICE = 1 << 16;
const SEPARATORS = [',', ';', '\t'] as const;

/** Whether a file has the name of a list of images. */
export function isListName(path: string): boolean {
  return /\.(csv|tsv|json|jsonl|ndjson)$/i.test(path);
}

/** Column names at the beginning of a list; of objects in JSON those of the first ones. */
export function columnsAtHead(path: string, head: Uint8Array): string[] {
  const text = decode(head);
  if (!/\.[ct]sv$/i.test(path)) {
    return [...new Set([...text.matchAll(/"((?:[^"\\]|\\.){1,80})"\s*:/g)].map(([, name = '']) => name))];
  }
  const [line = ''] = text.split(/\r?\n/, 1);
  return line.split(separatorOf(line)).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
}

/**
 * The rows of a list: CSV with a heading (separated by commas, semicolons or tabs), JSON (an array of objects, or one object of
 * file → label), or one JSON object a line.
 * @param names of the columns of file and label, for an object of file → label.
 * @throws AppError `bad-data` naming a file that is none of these.
 */
export async function* rowsOf(
  path: string,
  bytes: Uint8Array,
  names: { readonly file: string; readonly label: string },
): AsyncGenerator<ListRow | BadRow> {
  const text = decode(bytes);
  if (text.trim() === '') throw badData(path, 'is empty. It needs a row for each image');
  if (/\.[ct]sv$/i.test(path)) yield* csvRows(path, text);
  else if (/\.json$/i.test(path)) yield* jsonRows(path, text, names);
  else yield* lineRows(text);
}

async function* csvRows(path: string, text: string): AsyncGenerator<ListRow | BadRow> {
  const [heading = ''] = text.split(/\r?\n/, 1);
  const bad: BadRow[] = [];
  let row = 0;
  const parser = parse({
    delimiter: separatorOf(heading),
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    trim: true,
    on_skip: (error) => {
      row += 1;
      bad.push({ row, reason: `cannot be read (${error?.message ?? 'it is damaged'})` });
      return undefined;
    },
  });
  const slices = function* (): Generator<string> {
    for (let at = 0; at < text.length; at += SLICE) yield text.slice(at, at + SLICE);
  };
  const source = Readable.from(slices());
  let header: readonly string[] | null = null;
  try {
    for await (const cells of source.pipe(parser) as AsyncIterable<readonly string[]>) {
      yield* bad.splice(0);
      if (header === null) {
        header = cells;
        continue;
      }
      row += 1;
      if (cells.length !== header.length) {
        yield { row, reason: `has ${cells.length} columns where the heading has ${header.length}` };
      } else yield { row, cells: new Map(header.map((name, at) => [name, cells[at] || null])) };
    }
    yield* bad;
  } catch (cause) {
    throw badData(path, `cannot be read as CSV after row ${row}: ${(cause as Error).message}`, cause);
  } finally {
    source.destroy();
    parser.destroy();
  }
}

function* jsonRows(
  path: string,
  text: string,
  names: { readonly file: string; readonly label: string },
): Generator<ListRow | BadRow> {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch (cause) {
    throw badData(path, `is no valid JSON: ${(cause as Error).message}`, cause);
  }
  if (Array.isArray(found)) {
    for (const [at, one] of found.entries()) yield objectRow(at + 1, one);
    return;
  }
  const entries = typeof found === 'object' && found !== null ? Object.entries(found) : [];
  if (entries.length === 0 || entries.some(([, label]) => typeof label !== 'string' && typeof label !== 'number')) {
    throw badData(
      path,
      `holds neither a list of objects such as [{"${names.file}": "a.png", "${names.label}": "cat"}] nor an object such as {"a.png": "cat"}`,
    );
  }
  for (const [at, [file, label]] of entries.entries()) {
    yield {
      row: at + 1,
      cells: new Map<string, string | number | null>([
        [names.file, file],
        [names.label, plain(label)],
      ]),
    };
  }
}

function* lineRows(text: string): Generator<ListRow | BadRow> {
  let row = 0;
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    row += 1;
    try {
      yield objectRow(row, JSON.parse(line));
    } catch {
      yield { row, reason: 'is no valid JSON' };
    }
  }
}

function objectRow(row: number, value: unknown): ListRow | BadRow {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { row, reason: 'is no JSON object' };
  return { row, cells: new Map(Object.entries(value).map(([name, cell]) => [name, plain(cell)])) };
}

/** A value of JSON as one of a column: what is neither text nor a number is kept as JSON. */
export function plain(value: unknown): string | number | null {
  if (value === null || value === undefined || value === '') return null;
  return typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value);
}

function separatorOf(heading: string): string {
  const counts = SEPARATORS.map((sign) => heading.split(sign).length);
  return SEPARATORS[counts.indexOf(Math.max(...counts))] ?? ',';
}

/** UTF-8 or UTF-16 by its mark, else UTF-8, else Windows-1252, in which spreadsheets write CSV. */
function decode(bytes: Uint8Array): string {
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (isUtf16) return new TextDecoder(bytes[0] === 0xff ? 'utf-16le' : 'utf-16be').decode(bytes);
  const text = asUtf8(bytes) ?? asUtf8(bytes.subarray(0, bytes.lastIndexOf(10) + 1));
  if (text !== null && (text !== '' || bytes.length === 0)) return text.replace(/^\ufeff/, '');
  return new TextDecoder('windows-1252').decode(bytes);
}
