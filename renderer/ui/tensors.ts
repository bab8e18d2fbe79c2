import { AppError, type ErrorData } from '../../shared/domain/errors.ts';

/** An array of the library: little-endian rows as they lie on disk, with their shape. */
export type Tensor =
  | { readonly dtype: 'u8'; readonly shape: readonly number[]; readonly data: Uint8Array }
  | { readonly dtype: 'u16'; readonly shape: readonly number[]; readonly data: Uint16Array }
  | { readonly dtype: 'f32'; readonly shape: readonly number[]; readonly data: Float32Array };

/**
 * Bytes of an array with the headers that main sends beside them.
 * @param shape dimensions joined by commas: `64,28,28,1`.
 * @throws AppError `bad-data` if type, shape and number of bytes do not fit together.
 */
export function decodeTensor(bytes: ArrayBuffer, dtype: string | null, shape: string | null): Tensor {
  const dimensions = (shape ?? '')
    .split(',')
    .filter((part) => part !== '')
    .map(Number);
  const length = dimensions.reduce((product, size) => product * size, 1);
  const width = dtype === 'u8' ? 1 : dtype === 'u16' ? 2 : dtype === 'f32' ? 4 : 0;
  if (width === 0 || dimensions.length === 0 || !Number.isInteger(length) || length * width !== bytes.byteLength) {
    throw new AppError(
      'bad-data',
      `An array came with ${bytes.byteLength} bytes for type ${dtype ?? 'none'} and shape [${shape ?? ''}].`,
    );
  }
  if (dtype === 'u8') return { dtype, shape: dimensions, data: new Uint8Array(bytes) };
  if (dtype === 'u16') return { dtype, shape: dimensions, data: new Uint16Array(bytes) };
  return { dtype: 'f32', shape: dimensions, data: new Float32Array(bytes) };
}

/**
 * Fetches an array by its address (`tensorUrl` of the contract).
 * @throws AppError with main's message if there is no such array; `io` if nothing answers.
 */
export async function fetchTensor(url: string, signal?: AbortSignal): Promise<Tensor> {
  let response: Response;
  try {
    response = await fetch(url, signal ? { signal } : {});
  } catch (thrown) {
    if (signal?.aborted) throw new AppError('cancelled', 'The array is not needed any more.', { cause: thrown });
    throw new AppError('io', `The array at ${url.split('?')[0] ?? url} could not be read.`, {
      cause: thrown,
      retry: true,
    });
  }
  if (!response.ok) throw AppError.fromData((await response.json()) as ErrorData);
  return decodeTensor(await response.arrayBuffer(), response.headers.get('x-dtype'), response.headers.get('x-shape'));
}

/** One image or map of a tensor [n, …], as a view without a copy. */
export function rowOf(tensor: Tensor, row: number): Tensor['data'] {
  const size = tensor.shape.slice(1).reduce((product, length) => product * length, 1);
  return tensor.data.subarray(row * size, (row + 1) * size);
}

/** All values as float32; bytes become shares of 255, so that pixels are in [0, 1]. */
export function toUnit(data: Tensor['data']): Float32Array {
  if (data instanceof Float32Array) return data;
  const scale = data instanceof Uint8Array ? 1 / 255 : 1;
  return Float32Array.from(data, (value) => value * scale);
}
