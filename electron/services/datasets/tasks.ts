import type { DatasetTaskResultOf, DatasetTaskSpec, DatasetTaskSpecOf } from '../../../shared/domain/dataset-task.ts';
import type { DatasetTask } from '../../../shared/domain/dataset-view.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { Session } from '../session.ts';
import type { SideJobs } from '../side-jobs.ts';

/** Work on data sets in processes of their own, one of a kind for each data set at a time. */
export interface DatasetTasks {
  /** @throws AppError `conflict` if there is such work already, `cancelled`, or the work's own error. */
  run<T extends DatasetTask>(
    id: EntityId,
    work: DatasetTaskSpecOf<T> & DatasetTaskSpec,
  ): Promise<DatasetTaskResultOf<T>>;
  /** Ends such work if there is any. */
  stop(id: EntityId, task: DatasetTask): void;
}

export function datasetTasks({ events }: Session, sideJobs: SideJobs): DatasetTasks {
  const running = new Map<string, AbortController>();
  return {
    run: async <T extends DatasetTask>(id: EntityId, work: DatasetTaskSpecOf<T> & DatasetTaskSpec) => {
      const { task } = work;
      const key = `${task} ${id}`;
      if (running.has(key)) {
        throw new AppError('conflict', 'The same is being done with this data set already. Wait for it, or stop it.');
      }
      const stop = new AbortController();
      running.set(key, stop);
      try {
        const { outcome } = await sideJobs.run<'dataset-task'>({ kind: 'dataset-task', work }, null, {
          signal: stop.signal,
          onProgress: ({ done, total, unit, message }) =>
            events.emit('dataset.task', { id, task, done, total, unit, message }),
        });
        if (outcome.task === task) return outcome as DatasetTaskResultOf<T>;
        throw new AppError('internal', `Work of the kind ${task} gave a result of the kind ${outcome.task}.`);
      } finally {
        running.delete(key);
      }
    },
    stop: (id, task) => running.get(`${task} ${id}`)?.abort(),
  };
}
