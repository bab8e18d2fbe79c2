import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import type { FileMetaData } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { z } from 'zod';
import { AppError } from '../../../shared/domain/errors.ts';
import { badData } from './byte-stream.ts';
import type { NamedFile } from './byte-stream.ts';

/** A column at the root of a Parquet file. */
export interface ParquetColumn {
  readonly name: string;
  /** Names of the columns that it is made of; none for a plain one. */
  readonly parts: readonly string[];
  /** Whether its values are bytes that are no text. */
  readonly binary: boolean;
  /** Whether its rows hold lists, for which there is no use here. */
  readonly repeated: boolean;
  /** Unpacked size over the file. */
  readonly bytes: number;
}

/** What the Hugging Face library wrote of a column. */
export interface HubFeature {
  readonly type: string;
  readonly names: readonly string[] | null;
}

/** A Parquet file, of which only what is asked for is read. */
export interface ParquetFile {
  readonly name: string;
  readonly rows: number;
  readonly columns: readonly ParquetColumn[];
  readonly features: ReadonlyMap<string, HubFeature>;
  /** First row of each group, and the number of rows at the end. */
  readonly groups: readonly number[];
  /** Unpacked size of the largest group of rows of a column. */
  largestGroup(column: string): number;
  /** All values of a column. @throws AppError `bad-data` for a damaged file, `io` for one that is gone. */
  column(name: string): Promise<readonly unknown[]>;
  /** Values of a column in a group of rows. @throws as {@link column}. */
  group(index: number, column: string): Promise<readonly unknown[]>;
}

/** Node's own unpackers where it has them: several times as fast. */
const COMPRESSORS = {
  ...compressors,
  GZIP: (input: Uint8Array, length: number) => gunzipSync(input, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (input: Uint8Array, length: number) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, length) }),
};

const feature = z.looseObject({ _type: z.string().optional(), names: z.array(z.string()).optional() });
const hub = z.looseObject({ info: z.looseObject({ features: z.record(z.string(), z.unknown()) }) });

/** @throws AppError `bad-data` for a file that is no Parquet or is damaged. */
export async function openParquet({ path, name }: NamedFile): Promise<ParquetFile> {
  const fail = (cause: unknown): AppError => problem(name, cause);
  const file = await asyncBufferFromFile(path).catch((cause: unknown) => {
    throw fail(cause);
  });
  const metadata = await parquetMetadataAsync(file).catch((cause: unknown) => {
    throw fail(cause);
  });
  const groups = [0];
  for (const group of metadata.row_groups) groups.push((groups.at(-1) ?? 0) + Number(group.num_rows));
  const common = { file, metadata, compressors: COMPRESSORS, utf8: false, geoparquet: false };
  const read = (column: string, rowStart: number, rowEnd: number): Promise<readonly unknown[]> =>
    parquetReadObjects({ ...common, columns: [column], rowStart, rowEnd }).then(
      (rows) => rows.map((row) => row[column] as unknown),
      (cause: unknown) => {
        throw fail(cause);
      },
    );
  return {
    name,
    rows: groups.at(-1) ?? 0,
    columns: columnsIn(metadata),
    features: featuresIn(metadata),
    groups,
    largestGroup: (column) => Math.max(0, ...metadata.row_groups.map((group) => bytesOf(group, column))),
    column: (column) => read(column, 0, groups.at(-1) ?? 0),
    group: (index, column) => read(column, groups[index] ?? 0, groups[index + 1] ?? 0),
  };
}

function columnsIn(metadata: FileMetaData): ParquetColumn[] {
  return parquetSchema(metadata).children.map(({ element, children }) => ({
    name: element.name,
    parts: children.map((child) => child.element.name),
    binary: element.type === 'BYTE_ARRAY' && element.converted_type === undefined && element.logical_type === undefined,
    repeated:
      element.repetition_type === 'REPEATED' || element.converted_type === 'LIST' || element.converted_type === 'MAP',
    bytes: metadata.row_groups.reduce((sum, group) => sum + bytesOf(group, element.name), 0),
  }));
}

function bytesOf(group: FileMetaData['row_groups'][number], column: string): number {
  return group.columns.reduce((sum, { meta_data: data }) => {
    return sum + (data?.path_in_schema[0] === column ? Number(data.total_uncompressed_size) : 0);
  }, 0);
}

function featuresIn(metadata: FileMetaData): ReadonlyMap<string, HubFeature> {
  const text = metadata.key_value_metadata?.find(({ key }) => key === 'huggingface')?.value;
  const features = new Map<string, HubFeature>();
  if (text === undefined) return features;
  let described: unknown;
  try {
    described = JSON.parse(text);
  } catch {
    return features; // What is no JSON describes nothing; the columns themselves are still there.
  }
  for (const [name, value] of Object.entries(hub.safeParse(described).data?.info.features ?? {})) {
    const found = feature.safeParse(value).data;
    if (found?._type !== undefined) features.set(name, { type: found._type, names: found.names ?? null });
  }
  return features;
}

function problem(name: string, cause: unknown): AppError {
  const errno = (cause as NodeJS.ErrnoException).errno;
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (errno !== undefined && (cause as NodeJS.ErrnoException).syscall !== undefined) {
    return new AppError('io', `${name} could not be read: ${reason}. Check that it is still there.`, {
      cause,
      details: { file: name },
    });
  }
  return badData(name, `is no Parquet file, or is damaged (${reason.replace(/\.$/, '')}). Download it again`, cause);
}
