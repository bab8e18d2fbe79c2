import { computed, shallowRef, watch } from 'vue';
import { tensorUrl } from '../../shared/contract/bridge.ts';
import type { DatasetManifest } from '../../shared/domain/dataset.ts';
import { toAppError, type AppError } from '../../shared/domain/errors.ts';
import { SPLITS } from '../../shared/domain/shape.ts';
import { fetchTensor } from '../ui/tensors.ts';
import { firstOfEachClass, parsePositions, samplePositions } from './example-choice.ts';
import type { GalleryForm } from './gallery-form.ts';

/** The positions that a form's choice of examples gives. Labels and parts of the data set are read when first needed. */
export function usePositions(form: GalleryForm, manifest: () => DatasetManifest | undefined, active: () => boolean) {
  const known = shallowRef<{ dataset: string; labels: ArrayLike<number>; splits: ArrayLike<number> } | null>(null);
  const error = shallowRef<AppError | null>(null);

  watch(
    [active, () => form.dataset],
    async ([on, dataset]) => {
      if (!on || known.value?.dataset === dataset) return;
      try {
        const [labels, splits] = await Promise.all([
          fetchTensor(tensorUrl('dataset', dataset, 'labels')),
          fetchTensor(tensorUrl('dataset', dataset, 'splits')),
        ]);
        known.value = { dataset, labels: labels.data, splits: splits.data };
        error.value = null;
      } catch (thrown) {
        error.value = toAppError(thrown);
      }
    },
    { immediate: true },
  );

  const candidates = computed<readonly number[]>(() => {
    const wanted = SPLITS.indexOf(form.split);
    const { dataset, splits } = known.value ?? { dataset: null, splits: [] };
    if (dataset !== form.dataset) return [];
    return Array.from(splits, (split, position) => (split === wanted ? position : -1)).filter(
      (position) => position >= 0,
    );
  });

  const typed = computed(() => parsePositions(form.positions, manifest()?.images ?? 0));
  /** The part of the typed positions that is wrong, or null. */
  const wrong = computed(() => (form.mode === 'positions' && 'wrong' in typed.value ? typed.value.wrong : null));

  const positions = computed<readonly number[]>(() => {
    switch (form.mode) {
      case 'positions':
        return 'positions' in typed.value ? typed.value.positions : [];
      case 'random':
        return samplePositions(candidates.value, whole(form.count), whole(form.sampleSeed));
      case 'classes':
        return firstOfEachClass(
          candidates.value,
          known.value?.labels ?? [],
          manifest()?.classes.length ?? 0,
          whole(form.perClass),
        );
    }
  });

  return { positions, wrong, error };
}

function whole(value: number | null): number {
  return value !== null && Number.isInteger(value) && value >= 0 ? value : 0;
}
