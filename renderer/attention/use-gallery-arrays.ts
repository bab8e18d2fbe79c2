import { onScopeDispose, ref, shallowRef, watch } from 'vue';
import { tensorUrl } from '../../shared/contract/bridge.ts';
import { toAppError, type AppError } from '../../shared/domain/errors.ts';
import type { MapMethod } from '../../shared/domain/gallery.ts';
import type { GalleryRow } from '../../shared/domain/library.ts';
import { normalisedRows } from '../../shared/domain/map-scale.ts';
import { outlinePath } from '../../shared/domain/outline.ts';
import { fetchTensor, rowOf, type Tensor } from '../ui/tensors.ts';

/** What is drawn for one model; arrays by row of the gallery. Maps are divided by their norm. */
export interface ModelMaps {
  readonly model: string;
  readonly resolution: readonly [height: number, width: number];
  readonly images: readonly Tensor['data'][];
  readonly clean: readonly Float32Array[];
  readonly adversarial: readonly Float32Array[];
  /** Outline of the key area as an SVG path in cells of the map. */
  readonly outlines: readonly string[];
}

export interface GalleryArrays {
  /** Clean images by row. */
  readonly images: readonly Tensor['data'][];
  readonly models: readonly ModelMaps[];
}

/** A method of maps, and whether they have the resolution of a layer or of the images. */
export interface ShownMaps {
  readonly method: MapMethod;
  readonly level: 'layer' | 'input';
}

/** The arrays of a finished gallery for one method; fetched again when gallery or method change. */
export function useGalleryArrays(gallery: () => GalleryRow, shown: () => ShownMaps) {
  const arrays = shallowRef<GalleryArrays | null>(null);
  const error = shallowRef<AppError | null>(null);
  const attempts = ref(0);
  let lifetime = new AbortController();

  async function load(): Promise<void> {
    lifetime.abort();
    lifetime = new AbortController();
    const { signal } = lifetime;
    error.value = null;
    try {
      const loaded = await fetchGallery(gallery(), shown(), signal);
      if (!signal.aborted) arrays.value = loaded;
    } catch (thrown) {
      if (!signal.aborted) error.value = toAppError(thrown);
    }
  }

  watch(
    () => gallery().id,
    () => (arrays.value = null),
  );
  watch([() => gallery().id, () => gallery().result !== null, () => shown().method, attempts], load, {
    immediate: true,
  });
  onScopeDispose(() => lifetime.abort());
  return { arrays, error, retry: () => (attempts.value += 1) };
}

async function fetchGallery(
  gallery: GalleryRow,
  { method, level }: ShownMaps,
  signal: AbortSignal,
): Promise<GalleryArrays> {
  const { dataset, indices, models } = gallery.request;
  const array = (name: string): Promise<Tensor> => fetchTensor(tensorUrl('gallery', gallery.id, name), signal);
  const [images, ...loaded] = await Promise.all([
    fetchTensor(tensorUrl('dataset', dataset, 'images', indices), signal),
    ...models.map(async (model): Promise<ModelMaps> => {
      const [attacked, clean, adversarial, area] = await Promise.all([
        array(`${model}/images-adversarial`),
        array(`${model}/map-${method}-clean`),
        array(`${model}/map-${method}-adversarial`),
        array(level === 'input' ? `${model}/key-area-input` : `${model}/key-area`),
      ]);
      const [, height = 1, width = 1] = clean.shape;
      return {
        model,
        resolution: [height, width],
        images: rowsOf(attacked),
        clean: normalisedRows(Float32Array.from(clean.data), clean.shape),
        adversarial: normalisedRows(Float32Array.from(adversarial.data), adversarial.shape),
        outlines: rowsOf(area).map((mask) => outlinePath(mask, height, width)),
      };
    }),
  ]);
  return { images: rowsOf(images), models: loaded };
}

function rowsOf(tensor: Tensor): readonly Tensor['data'][] {
  return Array.from({ length: tensor.shape[0] ?? 0 }, (_, row) => rowOf(tensor, row));
}
