import { computed, shallowRef, watch } from 'vue';
import { tensorUrl } from '../../../shared/contract/bridge.ts';
import { EXCLUDED } from '../../../shared/domain/dataset.ts';
import { toAppError, type AppError } from '../../../shared/domain/errors.ts';
import type { DatasetRow } from '../../../shared/domain/library.ts';
import { SPLITS } from '../../../shared/domain/shape.ts';
import { t } from '../../i18n/index.ts';
import { fetchTensor } from '../../ui/tensors.ts';

export interface Known {
  readonly id: string;
  readonly labels: ArrayLike<number>;
  readonly splits: ArrayLike<number>;
}

/** Class and split of every image of a data set, read when it is opened. */
export function useLabels(row: () => DatasetRow | null) {
  const known = shallowRef<Known | null>(null);
  const error = shallowRef<AppError | null>(null);
  const mine = computed(() => (known.value?.id === row()?.id ? known.value : null));

  async function load(): Promise<void> {
    const id = row()?.id;
    error.value = null;
    if (id === undefined) return;
    try {
      const [labels, splits] = await Promise.all([
        fetchTensor(tensorUrl('dataset', id, 'labels')),
        fetchTensor(tensorUrl('dataset', id, 'splits')),
      ]);
      if (row()?.id === id) known.value = { id, labels: labels.data, splits: splits.data };
    } catch (thrown) {
      if (row()?.id === id) error.value = toAppError(thrown);
    }
  }

  const labelOf = (position: number): number => mine.value?.labels[position] ?? -1;
  const classOf = (position: number): string => row()?.manifest.classes[labelOf(position)] ?? '–';
  const isExcluded = computed(() => {
    const splits = mine.value?.splits;
    return (row()?.manifest.excluded ?? 0) > 0 && splits
      ? (position: number) => splits[position] === EXCLUDED
      : () => false;
  });
  const splitOf = (position: number): string => {
    if (isExcluded.value(position)) return t('browse.excluded');
    const name = SPLITS[mine.value?.splits[position] ?? -1];
    return name ? t(`datasets.splits.${name}`) : '–';
  };

  watch(() => row()?.id, load, { immediate: true });
  return { labels: mine, error, load, labelOf, classOf, splitOf, isExcluded };
}

/** Images of each class among those shown. */
export function countShown(known: Known, shown: ArrayLike<number>, classes: number): readonly number[] {
  const counts = new Array<number>(classes).fill(0);
  for (let i = 0; i < shown.length; i++) {
    const label = known.labels[shown[i] ?? -1] ?? -1;
    if (label >= 0 && label < classes) counts[label] = (counts[label] ?? 0) + 1;
  }
  return counts;
}
