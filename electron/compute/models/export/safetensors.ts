import { AppError } from '../../../../shared/domain/errors.ts';
import { shapeSize, type NpyArray } from '../../arrays/npy.ts';
import type { NpzArrays } from '../../arrays/npz.ts';
import { floats } from '../weights.ts';

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/**
 * Arrays as a safetensors file, float32 (github.com/huggingface/safetensors, "Format"): the length of the header, the
 * header as JSON, the values one after the other.
 * @param metadata free text beside the arrays.
 */
export function formatSafetensors(arrays: NpzArrays, metadata: Readonly<Record<string, string>>): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const [name, { shape }] of Object.entries(arrays)) {
    const start = end;
    end += shapeSize(shape) * 4;
    header[name] = { dtype: 'F32', shape, data_offsets: [start, end] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + length + end).fill(0x20, 8, 8 + length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  let offset = 8 + length;
  for (const { data } of Object.values(arrays)) {
    const values = floats(data);
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
    offset += values.byteLength;
  }
  return bytes;
}

/**
 * The arrays of a safetensors file, of which float32 and float64 are read.
 * @param name what to call the file in an error message.
 * @throws AppError `bad-data`.
 */
export function parseSafetensors(bytes: Uint8Array, name: string): NpzArrays {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length < 8 ? Infinity : Number(view.getBigUint64(0, true));
  if (8 + length > bytes.length) throw bad(name, 'is no safetensors file, or is cut short');
  let header: Readonly<Record<string, unknown>>;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as typeof header;
  } catch (cause) {
    throw bad(name, 'is no safetensors file, or is damaged', cause);
  }
  const entries = Object.entries(header).filter(([key]) => key !== '__metadata__');
  return Object.fromEntries(
    entries.map(([key, entry]) => [key, arrayOf(bytes.subarray(8 + length), entry as Entry, `${name}: ${key}`)]),
  );
}

function arrayOf(values: Uint8Array, entry: Entry, name: string): NpyArray {
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!Array.isArray(shape) || !Array.isArray(offsets)) throw bad(name, 'has a header that cannot be read');
  const bytesEach = dtype === 'F32' ? 4 : dtype === 'F64' ? 8 : 0;
  if (bytesEach === 0) throw bad(name, `has elements of type ${dtype}, which is not supported; use F32`);
  const [start, end] = offsets;
  if (end > values.length || end - start !== shapeSize(shape) * bytesEach) throw bad(name, 'is cut short');
  // A copy of its own: the values lie at any offset, and a Buffer's slice would share its memory.
  const { buffer } = new Uint8Array(values.subarray(start, end));
  return dtype === 'F32'
    ? { dtype: 'f32', shape, data: new Float32Array(buffer) }
    : { dtype: 'f64', shape, data: new Float64Array(buffer) };
}

function bad(name: string, what: string, cause?: unknown): AppError {
  return new AppError('bad-data', `${name} ${what}.`, { details: { file: name }, cause });
}
