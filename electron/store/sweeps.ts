import type { SweepRequest } from '../../shared/domain/sweep.ts';
import type { Database } from './database.ts';
import { requestRows, type RequestRows } from './request-rows.ts';

/** A sweep as it was asked for; what it makes are runs, plans and checks like any other. */
export interface StoredSweep {
  readonly id: string;
  readonly name: string;
  readonly request: SweepRequest;
  readonly created: string;
}

export interface SweepStore extends RequestRows<StoredSweep> {
  /** The entity that was made for each part, by the part's key. */
  parts(id: string): ReadonlyMap<string, string>;
  /** Names the entity of a part, in place of an earlier one. */
  setPart(id: string, key: string, entity: string): void;
}

export function sweepStore(db: Database): SweepStore {
  return {
    ...requestRows<StoredSweep>(db, 'sweeps'),
    parts: (id) =>
      new Map(
        db
          .all<{ key: string; entity: string }>('SELECT key, entity FROM sweep_parts WHERE sweep = ?', id)
          .map(({ key, entity }) => [key, entity]),
      ),
    setPart: (id, key, entity) => {
      db.run('INSERT OR REPLACE INTO sweep_parts (sweep, key, entity) VALUES (?, ?, ?)', id, key, entity);
    },
  };
}
