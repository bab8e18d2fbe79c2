import type { Dataset, Reference } from 'h5wasm/node';
import { badData } from './byte-stream.ts';
import type { NamedFile } from './byte-stream.ts';
import type { ElementType } from './elements.ts';
import { BLOCK_BYTES } from './records.ts';
import { shapeSize } from './npy.ts';
import type { AnyStored } from './stored.ts';

/** The arrays at the root of an HDF5 file, read in place: of its data no more than a slab is in memory. */
export interface Hdf5File {
  readonly arrays: ReadonlyMap<string, AnyStored>;
  /** Calling it twice is harmless. */
  close(): void;
}

const INTEGER = 0;
const FLOAT = 1;
const STRING = 3;
const REFERENCE = 7;
/** Chunks are read whole, if they have no more bytes than this. */
const CHUNK_BYTES = 4 * BLOCK_BYTES;
const TEXTS = 100_000;

/** Whether bytes have the signature of HDF5, at their start or behind the header that MATLAB writes. */
export function looksLikeHdf5(head: Uint8Array): boolean {
  const signature = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
  return [0, 512].some((start) => signature.every((byte, at) => head[start + at] === byte));
}

/**
 * Opens an HDF5 file such as a MAT-file of version 7.3. MATLAB's arrays have their axes turned round in it; they come with
 * MATLAB's own shape, as column-major.
 * @throws AppError `bad-data` for a damaged file.
 */
export async function openHdf5({ path, name }: NamedFile): Promise<Hdf5File> {
  const { ready, File, Dataset: DatasetClass } = await import('h5wasm/node');
  // Errors are thrown instead of printed.
  (await ready).activate_throwing_error_handler();
  const damaged = (cause?: unknown): Error =>
    badData(name, 'is no HDF5 file (MATLAB 7.3), or is damaged. Save it again', cause);
  let file: InstanceType<typeof File>;
  try {
    file = new File(path, 'r');
  } catch (cause) {
    throw damaged(cause);
  }
  if (file.file_id < 0n) throw damaged();
  let open = true;
  const close = (): void => {
    if (open) file.close();
    open = false;
  };
  const texts = (dataset: Dataset, reference: Reference): string => {
    const found = dataset.dereference(reference);
    return found !== null && 'value' in found ? textOf(found.value) : '';
  };
  try {
    const arrays = new Map<string, AnyStored>();
    for (const key of file.keys()) {
      const entity = file.get(key);
      if (entity instanceof DatasetClass) arrays.set(key, storedOf(`${name}: ${key}`, entity, texts));
    }
    return { arrays, close };
  } catch (cause) {
    close();
    throw damaged(cause);
  }
}

function storedOf(
  name: string,
  dataset: Dataset,
  textAt: (dataset: Dataset, reference: Reference) => string,
): AnyStored {
  const { type, size, signed, littleEndian } = dataset.metadata;
  const dimensions = dataset.shape ?? [];
  const matlab = matlabClass(dataset);
  const shape = matlab === null ? dimensions : [...dimensions].reverse();
  if (type === STRING || type === REFERENCE || matlab === 'char') {
    const texts = async (): Promise<readonly string[]> => {
      if (shapeSize(shape) > TEXTS) throw badData(name, `has more than ${TEXTS} texts or letters`);
      return Promise.resolve(textsOf(dataset, matlab, textAt));
    };
    return { kind: 'texts', name, shape, texts };
  }
  const element = type === INTEGER || type === FLOAT ? elementOf(type, size, signed) : null;
  if (element === null || (size > 1 && !littleEndian)) {
    const error = badData(name, 'is no array of little-endian numbers, which alone can be read. Save it as uint8');
    return { kind: 'refused', name, error };
  }
  const bytes = (start: number): AsyncIterable<Uint8Array> => slabs(dataset, name, dimensions, size, start);
  const common = { kind: 'numbers', name, shape, columnMajor: matlab !== null, bigEndian: false, bytes } as const;
  return { ...common, type: matlab === 'logical' ? 'bool' : element, stored: element };
}

function textsOf(
  dataset: Dataset,
  matlab: string | null,
  textAt: (dataset: Dataset, reference: Reference) => string,
): readonly string[] {
  const { value } = dataset;
  if (matlab === 'char') return [textOf(value)];
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value)) return [];
  return value.map((one) => (typeof one === 'string' ? one : textAt(dataset, one as Reference)));
}

/** Letters kept as 16-bit numbers. */
function textOf(value: unknown): string {
  return value instanceof Uint16Array ? String.fromCharCode(...value) : '';
}

function matlabClass(dataset: Dataset): string | null {
  if (!('MATLAB_class' in dataset.attrs)) return null;
  const name = dataset.get_attribute('MATLAB_class', false);
  return typeof name === 'string' ? name : '';
}

function elementOf(type: number, size: number, signed: boolean): ElementType | null {
  if (type === FLOAT) return size === 4 ? 'f32' : size === 8 ? 'f64' : null;
  if (size === 1) return signed ? 'i8' : 'u8';
  if (size === 2) return signed ? 'i16' : 'u16';
  if (size === 4) return signed ? 'i32' : 'u32';
  return size === 8 ? (signed ? 'i64' : 'u64') : null;
}

/** The elements in the order of the file from byte `start` on, slab by slab along the first axis. */
async function* slabs(
  dataset: Dataset,
  name: string,
  dimensions: readonly number[],
  size: number,
  start: number,
): AsyncGenerator<Uint8Array> {
  const [rows = 1, ...rest] = dimensions;
  const rowBytes = shapeSize(rest) * size;
  if (rowBytes === 0) return;
  const chunk = dataset.metadata.chunks?.[0] ?? 1;
  const fitting = Math.max(1, Math.floor(BLOCK_BYTES / rowBytes));
  const perSlab = chunk > fitting && chunk * rowBytes <= CHUNK_BYTES ? chunk : Math.ceil(fitting / chunk) * chunk;
  let skip = start % rowBytes;
  for (let first = Math.floor(start / rowBytes); first < rows;) {
    // Slabs end with chunks, so that none is unpacked twice.
    const end = Math.min(rows, (Math.floor(first / perSlab) + 1) * perSlab);
    let slab: unknown;
    try {
      slab = dimensions.length === 0 ? dataset.value : dataset.slice([[first, end]]);
    } catch (cause) {
      throw badData(name, 'is damaged: its data cannot be read. Save it again', cause);
    }
    if (!ArrayBuffer.isView(slab)) throw badData(name, 'cannot be read as numbers');
    yield new Uint8Array(slab.buffer, slab.byteOffset, slab.byteLength).subarray(skip);
    skip = 0;
    first = end;
    await Promise.resolve();
  }
}
