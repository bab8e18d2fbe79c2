import { defineStore } from 'pinia';
import { shallowReactive } from 'vue';
import type { TrainPoint } from '../../shared/domain/train-point.ts';
import { call, listen } from './connection.ts';
import { useToasts } from './toasts.ts';

const SHOW_EVERY_MS = 250;

/**
 * `known` followed by `fresh`. Points that come again replace the old ones from there on: a resumed run repeats the steps
 * after its checkpoint.
 */
export function mergePoints(known: readonly TrainPoint[], fresh: readonly TrainPoint[]): readonly TrainPoint[] {
  const first = fresh[0];
  if (!first) return known;
  const last = known.at(-1);
  if (!last || comesBefore(last, first)) return [...known, ...fresh];
  return [...known.filter((point) => comesBefore(point, first)), ...fresh];
}

const ORDER: readonly TrainPoint['type'][] = ['step', 'validation', 'probe', 'speed'];

/** A step comes before the validation that follows it, and both before the speed of the stretch that they end. */
function comesBefore(a: TrainPoint, b: TrainPoint): boolean {
  return a.step < b.step || (a.step === b.step && ORDER.indexOf(a.type) < ORDER.indexOf(b.type));
}

/** Training curves of the runs that somebody looks at, read once and then kept current by events. */
export const useCurves = defineStore('curves', () => {
  const points = shallowReactive(new Map<string, readonly TrainPoint[]>());
  const asked = new Set<string>();

  /** Starts reading a run's points, unless that happened already. Read them with `of`. */
  function want(id: string): void {
    if (asked.has(id)) return;
    asked.add(id);
    call('runs.points', { id })
      .then((all) => points.set(id, mergePoints(all, points.get(id) ?? [])))
      .catch((thrown: unknown) => {
        asked.delete(id);
        useToasts().fail(thrown);
      });
  }

  function of(id: string): readonly TrainPoint[] {
    return points.get(id) ?? [];
  }

  /** Follows new points until the returned function is called. They are shown a few times a second, not one by one. */
  function follow(): () => void {
    const fresh = new Map<string, readonly TrainPoint[]>();
    let timer: ReturnType<typeof setTimeout> | null = null;
    const show = (): void => {
      timer = null;
      for (const [id, list] of fresh) points.set(id, mergePoints(points.get(id) ?? [], list));
      fresh.clear();
    };
    const stop = listen('run.points', ({ id, points: list }) => {
      if (!asked.has(id)) return;
      fresh.set(id, mergePoints(fresh.get(id) ?? [], list));
      timer ??= setTimeout(show, SHOW_EVERY_MS);
    });
    return () => {
      stop();
      if (timer !== null) clearTimeout(timer);
      show();
    };
  }

  return { want, of, follow };
});
