import type { EntityId } from '../../../shared/domain/ids.ts';
import type { SweepRequest } from '../../../shared/domain/sweep.ts';
import type { Store } from '../../store/store.ts';
import type { SweepTraining } from './expand.ts';

/**
 * Finds the finished training of another sweep that is a training of this request, so that a sweep with other attacks or
 * one more row need not train again; undefined if there is none. What begins from a file or is made by a module of the user
 * is trained anew: the file or the module may have changed since.
 */
export function trainedBefore(
  store: Pick<Store, 'sweeps' | 'runs' | 'models'>,
  { dataset, engine, deterministic }: SweepRequest,
): (training: Pick<SweepTraining, 'key' | 'placed'>) => EntityId | undefined {
  const isFinished = (run: EntityId): boolean => {
    const row = store.runs.get(run);
    return row?.state === 'done' && row.config.defenceModule === undefined && store.models.get(run) !== undefined;
  };
  const alike = store.sweeps
    .list()
    .filter(
      ({ request }) =>
        request.dataset === dataset && request.engine === engine && request.deterministic === deterministic,
    )
    .map(({ id }) => store.sweeps.parts(id));
  return ({ key, placed }) =>
    placed.initial === null ? alike.flatMap((parts) => parts.get(key) ?? []).find(isFinished) : undefined;
}
