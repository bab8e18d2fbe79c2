import type { RunState } from '../../shared/domain/training.ts';
import type { Database } from './database.ts';
import { fromJson, fromJsonOrNull, toJsonOrNull } from './json.ts';

/** What a job of the same id makes: asked for by `request`, there once the job is done. */
interface JobRow {
  readonly id: string;
  readonly name: string;
  readonly request: unknown;
  readonly state: RunState;
  readonly result: unknown;
  readonly error: unknown;
  readonly created: string;
}

export interface JobRows<Row extends JobRow> {
  get(id: string): Row | undefined;
  /** Oldest first. */
  list(): Row[];
  setResult(id: string, result: Row['result']): void;
}

interface Raw {
  readonly id: string;
  readonly name: string;
  readonly request: string;
  readonly state: RunState;
  readonly result: string | null;
  readonly error: string | null;
  readonly created: string;
}

/**
 * Reads a table whose rows hold request and result of a job, each with the state that its job is in.
 * @param more further columns of JSON.
 */
export function jobRows<Row extends JobRow>(
  db: Database,
  table: 'checks' | 'galleries',
  more: readonly Exclude<keyof Row & string, keyof JobRow>[] = [],
): JobRows<Row> {
  const select = `SELECT ${[`${table}.id`, 'name', 'request', 'jobs.state', 'result', 'jobs.error', `${table}.created`, ...more].join(', ')}
    FROM ${table} JOIN jobs ON jobs.id = ${table}.id WHERE deleted IS NULL`;
  const toRow = ({ request, result, error, ...row }: Raw): Row => {
    const written: JobRow = {
      ...row,
      request: fromJson(request),
      result: fromJsonOrNull(result),
      error: fromJsonOrNull(error),
      ...Object.fromEntries(
        more.map((column) => [column, fromJson((row as Raw & Record<string, string>)[column] ?? 'null')]),
      ),
    };
    return written as Row;
  };
  return {
    get: (id) => {
      const row = db.get<Raw>(`${select} AND ${table}.id = ?`, id);
      return row && toRow(row);
    },
    list: () => db.all<Raw>(`${select} ORDER BY ${table}.created, ${table}.id`).map(toRow),
    setResult: (id, result) => {
      db.run(`UPDATE ${table} SET result = ? WHERE id = ?`, toJsonOrNull(result), id);
    },
  };
}
