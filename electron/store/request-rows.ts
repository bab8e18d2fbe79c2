import type { Database } from './database.ts';
import { fromJson } from './json.ts';

/** What was asked for on a data set; what it makes are rows of their own. */
interface RequestRow {
  readonly id: string;
  readonly name: string;
  readonly request: { readonly dataset: string };
  readonly created: string;
}

export interface RequestRows<Row extends RequestRow> {
  add(row: Row): void;
  get(id: string): Row | undefined;
  /** Oldest first. */
  list(): Row[];
}

interface Raw {
  readonly id: string;
  readonly name: string;
  readonly request: string;
  readonly created: string;
}

/** Reads and writes a table whose rows hold requests under a name. */
export function requestRows<Row extends RequestRow>(db: Database, table: 'plans' | 'sweeps'): RequestRows<Row> {
  const select = `SELECT id, name, request, created FROM ${table} WHERE deleted IS NULL`;
  const toRow = (raw: Raw): Row => ({ ...raw, request: fromJson(raw.request) }) as Row;
  return {
    add: ({ id, name, request, created }) => {
      db.run(
        `INSERT INTO ${table} (id, name, dataset, request, created) VALUES (?, ?, ?, ?, ?)`,
        id,
        name,
        request.dataset,
        JSON.stringify(request),
        created,
      );
    },
    get: (id) => {
      const raw = db.get<Raw>(`${select} AND id = ?`, id);
      return raw && toRow(raw);
    },
    list: () => db.all<Raw>(`${select} ORDER BY created, id`).map(toRow),
  };
}
