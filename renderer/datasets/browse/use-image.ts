import { computed, shallowRef, watch } from 'vue';
import { tensorUrl } from '../../../shared/contract/bridge.ts';
import type { DatasetItem } from '../../../shared/domain/dataset-view.ts';
import { toAppError, type AppError } from '../../../shared/domain/errors.ts';
import type { DatasetRow } from '../../../shared/domain/library.ts';
import { call } from '../../stores/connection.ts';
import { fetchTensor, toUnit, type Tensor } from '../../ui/tensors.ts';

interface LoadedImage {
  readonly dataset: string;
  readonly position: number;
  /** [height × width × channels] as it is kept. */
  readonly pixels: Tensor['data'];
  /** The key area, 1 inside; null if the set has none. */
  readonly mask: Float32Array | null;
  readonly item: DatasetItem | null;
}

/** One image of a data set with everything known of it. What was shown stays until the next is there. */
export function useImage(row: () => DatasetRow | null, position: () => number | null) {
  const loaded = shallowRef<LoadedImage | null>(null);
  const error = shallowRef<AppError | null>(null);
  let stop = new AbortController();

  async function load(): Promise<void> {
    stop.abort();
    stop = new AbortController();
    const { signal } = stop;
    const now = row();
    const at = position();
    error.value = null;
    if (!now || at === null) {
      loaded.value = null;
      return;
    }
    try {
      const wanted = (array: string): Promise<Tensor> => fetchTensor(tensorUrl('dataset', now.id, array, [at]), signal);
      const [pixels, mask, items] = await Promise.all([
        wanted('images'),
        (now.manifest.masks ?? 0) > 0 ? wanted('masks') : null,
        call('datasets.items', { id: now.id, positions: [at] }),
      ]);
      if (signal.aborted) return;
      const area = mask ? toUnit(mask.data) : null;
      loaded.value = {
        dataset: now.id,
        position: at,
        pixels: pixels.data,
        mask: area?.some((value) => value > 0.5) ? area : null,
        item: items[0] ?? null,
      };
    } catch (thrown) {
      if (!signal.aborted) error.value = toAppError(thrown);
    }
  }

  watch([() => row()?.id, position], load, { immediate: true });
  const image = computed(() => (loaded.value?.dataset === row()?.id ? loaded.value : null));
  const unit = computed(() => (image.value ? toUnit(image.value.pixels) : null));
  return { image, unit, error, load };
}
