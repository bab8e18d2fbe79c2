import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type { Tensor } from '@tensorflow/tfjs-core';
import { packedSize, packFilter, type FilterPacking } from '../simd/packing.ts';
import { allocate, floatsAt, pointerOf, release } from '../simd/runtime.ts';

/** Packed filters by the identity of the filter's data, then by packing: where they lie. */
const packs = new Map<object, Map<string, number>>();

/**
 * Where the packed filter lies. The filters of an attack stay the same for many steps, and are packed once; the packed
 * ones go when the filter has gone.
 */
export function packedFilter(backend: BackendWasm, filter: Tensor, packing: FilterPacking): number {
  const { rows, columns, exchanged, layout, block } = packing;
  const key = `${layout} ${block} ${exchanged} ${rows.join()} ${columns.join()}`;
  const known = packs.get(filter.dataId)?.get(key);
  if (known !== undefined) return known;
  forget(backend);
  const size = packedSize(packing);
  const pointer = allocate(backend, size);
  packFilter(packing, floatsAt(backend, pointerOf(backend, filter), filter.size), floatsAt(backend, pointer, size));
  packs.set(filter.dataId, (packs.get(filter.dataId) ?? new Map<string, number>()).set(key, pointer));
  return pointer;
}

function forget(backend: BackendWasm): void {
  for (const [dataId, pointers] of packs) {
    if (backend.refCount(dataId) > 0) continue;
    for (const pointer of pointers.values()) release(backend, pointer);
    packs.delete(dataId);
  }
}
