import { computed, ref, shallowRef, watch } from 'vue';
import { GROUPINGS, type DatasetSelection } from '../../../shared/domain/dataset-view.ts';
import { toAppError, type AppError } from '../../../shared/domain/errors.ts';
import type { DatasetRow } from '../../../shared/domain/library.ts';
import { call } from '../../stores/connection.ts';
import { persisted } from '../../stores/persisted.ts';
import { rootOf } from './versions.ts';

const TYPING_MS = 140;

type Grouping = (typeof GROUPINGS)[number];

export interface Order {
  readonly by: string;
  readonly descending: boolean;
  readonly groupBy: Grouping;
}

function isOrder(value: unknown): value is Order {
  if (typeof value !== 'object' || value === null) return false;
  const { by, descending, groupBy } = value as Partial<Order>;
  return typeof by === 'string' && typeof descending === 'boolean' && GROUPINGS.some((known) => known === groupBy);
}

type Shown = Pick<DatasetSelection, 'positions' | 'groups'> & { readonly id: string };

/**
 * What is shown of a data set: its filter, as text, and its order, and what they give. Versions of one data set share a
 * filter, since their positions are the same. While a filter cannot be understood, what was shown before stays.
 */
export function useShown(row: () => DatasetRow | null, rows: () => readonly DatasetRow[]) {
  const texts = ref<Readonly<Record<string, string>>>({});
  const order = persisted<Order>('image-order', { by: 'position', descending: false, groupBy: 'none' }, isOrder);
  const shown = shallowRef<Shown | null>(null);
  const problem = ref<string | null>(null);
  const problemAt = shallowRef<readonly [number, number] | null>(null);
  const unpredicted = shallowRef<readonly string[]>([]);
  const error = shallowRef<AppError | null>(null);
  const busy = ref(false);
  let asked = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const family = computed(() => {
    const now = row();
    return now ? rootOf(now, rows()) : '';
  });
  const text = computed({
    get: () => texts.value[family.value] ?? '',
    set: (value) => (texts.value = { ...texts.value, [family.value]: value }),
  });

  /** The whole data set as it lies: what is asked for most, and needs no answer from main. */
  function plain(now: DatasetRow): Shown | null {
    const { images, excluded = 0 } = now.manifest;
    const asIs = order.value.by === 'position' && !order.value.descending && order.value.groupBy === 'none';
    if (text.value.trim() !== '' || !asIs || excluded > 0) return null;
    const positions = Uint32Array.from({ length: images }, (_, position) => position);
    return { id: now.id, positions, groups: [{ label: '', start: 0, count: images }] };
  }

  async function load(): Promise<void> {
    clearTimeout(timer);
    const now = row();
    const turn = ++asked;
    error.value = null;
    if (!now) {
      shown.value = null;
      return;
    }
    const whole = plain(now);
    if (whole) {
      settle(whole, null, null, []);
      return;
    }
    busy.value = true;
    try {
      const { by, descending, groupBy } = order.value;
      const found = await call('datasets.select', {
        id: now.id,
        filter: text.value,
        sort: { by, descending },
        groupBy,
      });
      if (turn !== asked) return;
      const old = shown.value;
      const kept = found.problem !== null && old?.id === now.id ? old : { id: now.id, ...found };
      settle(kept, found.problem, found.problemAt, found.unpredicted);
    } catch (thrown) {
      if (turn !== asked) return;
      error.value = toAppError(thrown);
      busy.value = false;
    }
  }

  function settle(
    what: Shown,
    why: string | null,
    where: readonly [number, number] | null,
    models: readonly string[],
  ): void {
    shown.value = what;
    problem.value = why;
    problemAt.value = where;
    unpredicted.value = models;
    busy.value = false;
  }

  watch([() => row()?.id, order], load, { immediate: true });
  watch(text, (_now, _old, onCleanup) => {
    clearTimeout(timer);
    timer = setTimeout(() => void load(), TYPING_MS);
    onCleanup(() => clearTimeout(timer));
  });

  const mine = computed(() => (shown.value?.id === row()?.id ? shown.value : null));
  return { text, order, shown: mine, problem, problemAt, unpredicted, error, busy, load };
}
