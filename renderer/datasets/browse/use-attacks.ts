import { computed, shallowReactive, watch } from 'vue';
import type { DatasetRow } from '../../../shared/domain/library.ts';
import { call } from '../../stores/connection.ts';
import { useLibrary } from '../../stores/library.ts';

/** What an evaluation did to the images of its data set. */
export type AttackOutcome = 'broken' | 'survived';

interface Outcomes {
  readonly attacked: ReadonlySet<number>;
  readonly broken: ReadonlySet<number>;
}

export interface AttackOnImage {
  readonly evaluation: string;
  readonly name: string;
  readonly model: string;
  readonly modelName: string;
  readonly outcome: AttackOutcome;
}

/** Evaluations looked through at most: the newest. */
const MOST = 12;

/** Which attacks an image was part of, and what came of them. Each evaluation is looked through once. */
export function useAttacks(row: () => DatasetRow, position: () => number) {
  const library = useLibrary();
  const known = shallowReactive(new Map<string, Outcomes>());
  const asked = new Set<string>();

  const targets = computed(() =>
    library.evaluations
      .filter(({ request, state }) => request.dataset === row().id && state === 'done')
      .slice(0, MOST)
      .flatMap(({ id, name, request }) =>
        request.targets.map((model) => ({
          key: request.targets.length > 1 ? `${id}.${model}` : id,
          evaluation: id,
          name,
          model,
        })),
      ),
  );

  async function want(id: string, key: string): Promise<void> {
    if (asked.has(key)) return;
    asked.add(key);
    const positionsOf = async (filter: string): Promise<ReadonlySet<number>> =>
      new Set((await call('datasets.select', { id, filter })).positions);
    try {
      const [attacked, broken] = await Promise.all([
        positionsOf(`attacked.${key}:true`),
        positionsOf(`broken.${key}:true`),
      ]);
      known.set(key, { attacked, broken });
    } catch {
      // An evaluation that cannot be read says nothing about the image; its own view shows why.
      asked.delete(key);
    }
  }

  watch(
    [() => row().id, targets],
    ([id, now]) => {
      for (const { key } of now) void want(id, key);
    },
    { immediate: true },
  );

  const attacks = computed<readonly AttackOnImage[]>(() =>
    targets.value.flatMap(({ key, evaluation, name, model }) => {
      const outcomes = known.get(key);
      const at = position();
      if (!outcomes?.attacked.has(at)) return [];
      const outcome = outcomes.broken.has(at) ? 'broken' : 'survived';
      return [{ evaluation, name, model, modelName: library.modelById.get(model)?.name ?? model, outcome }];
    }),
  );
  const galleries = computed(() =>
    library.galleries.filter(({ request }) => request.dataset === row().id && request.indices.includes(position())),
  );
  return { attacks, galleries };
}
