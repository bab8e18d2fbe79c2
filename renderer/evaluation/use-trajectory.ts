import { onScopeDispose, ref, shallowRef, watch } from 'vue';
import { tensorUrl } from '../../shared/contract/bridge.ts';
import { toAppError, type AppError } from '../../shared/domain/errors.ts';
import type { Trajectory } from '../../shared/domain/trajectory.ts';
import { call } from '../stores/connection.ts';
import { fetchTensor, rowOf } from '../ui/tensors.ts';

/** An example whose attack is to be looked at. */
export interface TrajectorySubject {
  readonly evaluation: string;
  readonly model: string;
  readonly row: number;
}

/**
 * The recorded attack on one example, asked for by `record`, and the image of one of its points at a time. Another
 * example starts anew, without a record.
 */
export function useTrajectory(subject: () => TrajectorySubject) {
  const recorded = shallowRef<Trajectory | null>(null);
  const error = shallowRef<AppError | null>(null);
  const recording = ref(false);
  /** Position of the point that is shown. */
  const at = ref(0);
  const image = shallowRef<Float32Array | null>(null);
  const images = new Map<number, Float32Array>();
  let lifetime = new AbortController();

  async function record(): Promise<void> {
    const { signal } = lifetime;
    recording.value = true;
    error.value = null;
    try {
      const found = await call('evaluations.trajectory', { ...subject() });
      if (signal.aborted) return;
      recorded.value = found;
      at.value = found.points.length - 1;
      await show();
    } catch (thrown) {
      if (!signal.aborted) error.value = toAppError(thrown);
    } finally {
      if (!signal.aborted) recording.value = false;
    }
  }

  async function show(): Promise<void> {
    const { signal } = lifetime;
    const wanted = at.value;
    const { evaluation, model, row } = subject();
    try {
      const found =
        images.get(wanted) ??
        Float32Array.from(
          rowOf(
            await fetchTensor(tensorUrl('evaluation', evaluation, `${model}/trajectory-${row}`, [wanted]), signal),
            0,
          ),
        );
      images.set(wanted, found);
      if (!signal.aborted && at.value === wanted) image.value = found;
    } catch (thrown) {
      if (!signal.aborted) error.value = toAppError(thrown);
    }
  }

  watch(
    () => JSON.stringify(subject()),
    () => {
      lifetime.abort();
      lifetime = new AbortController();
      images.clear();
      recorded.value = null;
      error.value = null;
      image.value = null;
      recording.value = false;
    },
  );
  watch(at, () => {
    if (recorded.value) void show();
  });
  onScopeDispose(() => lifetime.abort());
  return { recorded, recording, error, at, image, record };
}
