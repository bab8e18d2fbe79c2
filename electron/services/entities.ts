import { rm } from 'node:fs/promises';
import { AppError, toAppError } from '../../shared/domain/errors.ts';
import type { Binned, Entity } from '../store/bin.ts';
import type { Store } from '../store/store.ts';
import type { Library } from './library.ts';
import { missing } from './session.ts';
import type { Session } from './session.ts';

/** How long things stay in the bin, in days. */
const BIN_DAYS = 30;

export function entityService({ store, changed }: Session): Library['entities'] {
  const find = (id: string): Entity => store.bin.find(id) ?? missing('item', id);
  return {
    rename: (id, name) => {
      const trimmed = name.trim();
      if (trimmed === '')
        throw new AppError('invalid-input', 'name: must not be empty.', { details: { field: 'name' } });
      store.bin.rename(find(id), trimmed);
      changed();
    },
    delete: (id) => {
      const deleted = store.database.transaction(() => {
        const entities = withDependents(store, find(id));
        const busy = store.jobs
          .inState('running', 'waiting', 'paused')
          .find((job) => entities.some((entity) => entity.id === job.id));
        if (busy) {
          throw new AppError('conflict', `${busy.title} is ${busy.state}. Cancel it first, then delete.`, {
            details: { id: busy.id, state: busy.state },
          });
        }
        store.bin.delete(entities);
        return entities.map((entity) => entity.name);
      });
      changed();
      return { deleted };
    },
    restore: (id) => {
      if (!store.bin.restore(id)) throw new AppError('not-found', `${id} is not in the bin.`, { details: { id } });
      changed();
    },
  };
}

/** The entity and everything that would be left without meaning, itself first. */
export function withDependents(store: Store, entity: Entity): Entity[] {
  const found = new Map([[entity.id, entity]]);
  for (const one of found.values()) for (const other of store.bin.dependents(one)) found.set(other.id, other);
  return [...found.values()];
}

/**
 * Removes for good what has been in the bin for 30 days: dependents first, then its files.
 * @param onError is told what could not be removed and why; it stays for the next time, and the rest is removed.
 */
export async function emptyOldBin(store: Store, onError: (error: AppError) => void): Promise<void> {
  const before = new Date(Date.now() - BIN_DAYS * 24 * 3_600_000).toISOString();
  const order: readonly Entity['kind'][] = [
    'sweep',
    'evaluation',
    'plan',
    'gallery',
    'check',
    'model',
    'run',
    'dataset',
  ];
  const old = store.bin.deletedBefore(before).sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  for (const entity of old) {
    try {
      await purge(store, entity);
    } catch (cause) {
      const why = toAppError(cause);
      const message = `${entity.name} could not be removed from the bin for good: ${why.message} Pairlight tries again at its next start.`;
      onError(new AppError(why.code, message, { cause, details: { id: entity.id } }));
    }
  }
}

/** The files go first: what is still in the bin is tried again, files that nothing names would stay for ever. */
async function purge(store: Store, entity: Binned): Promise<void> {
  await rm(store.folder.of(entity.kind, entity.id), { recursive: true, force: true });
  store.bin.purge(entity);
}
