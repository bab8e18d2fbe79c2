import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SCHEME } from '../../shared/contract/bridge.ts';
import { AppError } from '../../shared/domain/errors.ts';
import { entityId } from '../../shared/domain/ids.ts';
import { readNpyRows } from '../compute/arrays/npy.ts';
import { sampleFile } from '../compute/data/import/sample-name.ts';
import { openPacked } from '../compute/data/packed.ts';
import type { PackedDataset } from '../compute/data/packed.ts';
import type { Store } from '../store/store.ts';
import { previewScratch } from './job-specs.ts';
import { missing } from './session.ts';

/** Rows of an array, ready for the protocol: raw little-endian bytes with their type and shape. */
export interface TensorData {
  readonly dtype: 'u8' | 'u16' | 'f32';
  readonly shape: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

interface Address {
  readonly owner: 'dataset' | 'preview' | 'evaluation' | 'gallery';
  readonly id: string;
  /** Path of the array below its owner: `images`, `<model>/adversarial`. */
  readonly array: string;
  readonly rows: readonly number[] | null;
}

export interface TensorService {
  read(address: string): Promise<TensorData>;
  dispose(): void;
}

/** Data sets kept open for the grid of thumbnails. */
const OPEN_DATASETS = 4;
/** Name of a preview's sample: its token and a number. */
const SAMPLE = /^[a-z0-9]{8,64}-[0-9a-f]+$/;
const ARRAY = /^[a-z0-9][a-z0-9-]*$/;

export function tensorService(store: Store): TensorService {
  const open = new Map<string, Promise<PackedDataset>>();

  const dataset = (id: string): Promise<PackedDataset> => {
    const known = open.get(id);
    open.delete(id);
    const opened = known ?? openPacked(store.folder.of('dataset', id));
    open.set(id, opened);
    opened.catch(() => open.delete(id));
    const [oldest] = open.keys();
    if (open.size > OPEN_DATASETS && oldest !== undefined) {
      void open.get(oldest)?.then((one) => one.close());
      open.delete(oldest);
    }
    return opened;
  };

  return {
    read: async (text) => {
      const address = parseAddress(text);
      switch (address.owner) {
        case 'dataset':
          if (!store.datasets.get(address.id)) missing('data set', address.id);
          if (address.array === 'mean') return readArray(store.folder.of('dataset', address.id), address);
          return readDataset(await dataset(address.id), address);
        case 'preview':
          return readSample(store, address);
        case 'evaluation':
          if (!store.evaluations.get(address.id)) missing('evaluation', address.id);
          return readArray(store.folder.of('evaluation', address.id), address);
        case 'gallery':
          if (!store.galleries.get(address.id)) missing('gallery', address.id);
          return readArray(store.folder.of('gallery', address.id), address);
      }
    },
    dispose: () => {
      for (const opened of open.values()) void opened.then((one) => one.close()).catch(() => undefined);
      open.clear();
    },
  };
}

/** The parts of an address made by `tensorUrl`. @throws AppError `invalid-input`. */
export function parseAddress(text: string): Address {
  const url = URL.canParse(text) ? new URL(text) : null;
  const [owner, id, ...parts] = (url?.pathname ?? '').split('/').filter((part) => part !== '');
  const isOwner = owner === 'dataset' || owner === 'preview' || owner === 'evaluation' || owner === 'gallery';
  const arrayOk = parts.length >= 1 && parts.length <= 2 && parts.every((part) => ARRAY.test(part));
  if (
    url?.protocol !== `${SCHEME}:` ||
    url.host !== 'tensor' ||
    !isOwner ||
    !(owner === 'preview' ? SAMPLE.test(id ?? '') : entityId.safeParse(id).success) ||
    !arrayOk
  ) {
    throw new AppError('invalid-input', `${text} is not the address of an array in the library.`);
  }
  const rows = url.searchParams.get('rows');
  return { owner, id: id ?? '', array: parts.join('/'), rows: rows === null ? null : parseRows(rows, text) };
}

function parseRows(list: string, address: string): number[] {
  if (list === '') return [];
  const rows = list.split(',').map(Number);
  if (rows.every((row) => Number.isSafeInteger(row) && row >= 0)) return rows;
  throw new AppError('invalid-input', `${address} asks for rows that are not whole numbers.`);
}

function readDataset(data: PackedDataset, { array, rows }: Address): TensorData {
  const { images, shape, name, pixels } = data.manifest;
  const wanted = rows ?? Array.from({ length: images }, (_, position) => position);
  const beyond = wanted.find((row) => row >= images);
  if (beyond !== undefined) throw new AppError('not-found', `${name} has no image ${beyond}; it has ${images}.`);
  switch (array) {
    case 'images':
      return pixels === 'f32'
        ? {
            dtype: 'f32',
            shape: [wanted.length, ...shape],
            bytes: owned(new Uint8Array(data.readImages(wanted).buffer)),
          }
        : { dtype: 'u8', shape: [wanted.length, ...shape], bytes: owned(data.readBytes(wanted)) };
    case 'labels':
      return {
        dtype: 'u16',
        shape: [wanted.length],
        bytes: new Uint8Array(Uint16Array.from(wanted, (row) => data.labels[row] ?? 0).buffer),
      };
    case 'splits':
      return { dtype: 'u8', shape: [wanted.length], bytes: Uint8Array.from(wanted, (row) => data.splits[row] ?? 0) };
    case 'masks':
      if (data.manifest.masks === undefined) throw new AppError('not-found', `${name} has no masks.`);
      return { dtype: 'u8', shape: [wanted.length, shape[0], shape[1]], bytes: owned(data.readMasks(wanted)) };
    default:
      throw new AppError(
        'not-found',
        `A data set has the arrays images, labels, splits, masks and mean, not ${array}.`,
      );
  }
}

/** Previews are this process's own. */
function readSample(store: Store, address: Address): Promise<TensorData> {
  const [token = ''] = address.id.split('-');
  if (address.array !== 'sample')
    throw new AppError('not-found', `A preview has the array sample, not ${address.array}.`);
  const file = sampleFile(address.id).replace(/\.npy$/, '');
  return readArray(store.folder.scratch(previewScratch(process.pid, token)), { ...address, array: file });
}

async function readArray(folder: string, { array, rows }: Address): Promise<TensorData> {
  const file = join(folder, `${array}.npy`);
  const there = await stat(file).catch(() => null);
  if (!there) throw new AppError('not-found', `There is no array ${array}; it may still be in the making.`);
  const { dtype, shape, data } = await readNpyRows(file, rows ?? undefined);
  if (dtype === 'u8' || dtype === 'u16' || dtype === 'f32') {
    return { dtype, shape, bytes: owned(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) };
  }
  if (dtype === 'bool')
    return { dtype: 'u8', shape, bytes: owned(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) };
  const floats = Float32Array.from(data as ArrayLike<number | bigint>, Number);
  return { dtype: 'f32', shape, bytes: new Uint8Array(floats.buffer) };
}

/** The same bytes over a plain ArrayBuffer, as a response body wants them. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}
