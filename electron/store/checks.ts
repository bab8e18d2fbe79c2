import type { CheckRequest, CheckResult } from '../../shared/domain/check.ts';
import type { CheckRow } from '../../shared/domain/library.ts';
import type { RunState } from '../../shared/domain/training.ts';
import type { Database } from './database.ts';
import { fromJson, fromJsonOrNull, toJsonOrNull } from './json.ts';

export interface CheckStore {
  /** Adds a check; its job of the same id must exist. */
  add(check: {
    readonly id: string;
    readonly name: string;
    readonly request: CheckRequest;
    readonly created: string;
  }): void;
  get(id: string): CheckRow | undefined;
  /** Oldest first. */
  list(): CheckRow[];
  setResult(id: string, result: CheckResult | null): void;
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

const SELECT = `SELECT checks.id, name, request, jobs.state, result, jobs.error, checks.created
  FROM checks JOIN jobs ON jobs.id = checks.id WHERE deleted IS NULL`;

export function checkStore(db: Database): CheckStore {
  return {
    add: ({ id, name, request, created }) => {
      db.run(
        'INSERT INTO checks (id, name, dataset, model, request, created) VALUES (?, ?, ?, ?, ?, ?)',
        id,
        name,
        request.dataset,
        request.model,
        JSON.stringify(request),
        created,
      );
    },
    get: (id) => {
      const row = db.get<Raw>(`${SELECT} AND checks.id = ?`, id);
      return row && toCheck(row);
    },
    list: () => db.all<Raw>(`${SELECT} ORDER BY checks.created, checks.id`).map(toCheck),
    setResult: (id, result) => {
      db.run('UPDATE checks SET result = ? WHERE id = ?', toJsonOrNull(result), id);
    },
  };
}

function toCheck(row: Raw): CheckRow {
  return {
    ...row,
    request: fromJson(row.request),
    result: fromJsonOrNull(row.result),
    error: fromJsonOrNull(row.error),
  };
}
