import type { SweepRequest } from '../../shared/domain/sweep.ts';
import type { Database } from './database.ts';
import { fromJson } from './json.ts';

/** A sweep as it was asked for; what it makes are runs, plans and checks like any other. */
export interface StoredSweep {
  readonly id: string;
  readonly name: string;
  readonly request: SweepRequest;
  readonly created: string;
}

export interface SweepStore {
  add(sweep: StoredSweep): void;
  get(id: string): StoredSweep | undefined;
  list(): StoredSweep[];
  /** The entity that was made for each part, by the part's key. */
  parts(id: string): ReadonlyMap<string, string>;
  /** Names the entity of a part, in place of an earlier one. */
  setPart(id: string, key: string, entity: string): void;
}

interface Raw {
  readonly id: string;
  readonly name: string;
  readonly request: string;
  readonly created: string;
}

const SELECT = 'SELECT id, name, request, created FROM sweeps WHERE deleted IS NULL';

export function sweepStore(db: Database): SweepStore {
  const toSweep = (row: Raw): StoredSweep => ({ ...row, request: fromJson(row.request) });
  return {
    add: ({ id, name, request, created }) => {
      db.run(
        'INSERT INTO sweeps (id, name, dataset, request, created) VALUES (?, ?, ?, ?, ?)',
        id,
        name,
        request.dataset,
        JSON.stringify(request),
        created,
      );
    },
    get: (id) => {
      const row = db.get<Raw>(`${SELECT} AND id = ?`, id);
      return row && toSweep(row);
    },
    list: () => db.all<Raw>(`${SELECT} ORDER BY created, id`).map(toSweep),
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
