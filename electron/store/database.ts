import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { storeError } from './errors.ts';

/** How long a statement waits for another process's write before it fails, in milliseconds. */
const BUSY_TIMEOUT_MS = 10_000;

/** A SQLite file in WAL mode. Statements are prepared once; failures are AppErrors. */
export interface Database {
  readonly file: string;
  all<Row>(sql: string, ...values: readonly SQLInputValue[]): Row[];
  get<Row>(sql: string, ...values: readonly SQLInputValue[]): Row | undefined;
  /** Returns the number of rows that changed. */
  run(sql: string, ...values: readonly SQLInputValue[]): number;
  /** Several statements at once, without values. */
  execute(sql: string): void;
  /** Runs `work` as one immediate write transaction; a nested call joins the outer one. Rolled back if it throws. */
  transaction<T>(work: () => T): T;
  /** A number that changes when another connection has written. */
  foreignVersion(): number;
  readonly close: () => void;
}

/** @throws AppError where the file cannot be opened or is no database. */
export function openDatabase(file: string): Database {
  const attempt = <T>(work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      throw storeError(file, cause);
    }
  };
  const db = attempt(() => new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true }));
  try {
    attempt(() => db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;'));
  } catch (error) {
    db.close();
    throw error;
  }
  const statements = new Map<string, StatementSync>();
  let depth = 0;

  const prepare = (sql: string): StatementSync => {
    const known = statements.get(sql);
    if (known) return known;
    const statement = db.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };

  const outermost = <T>(work: () => T): T => {
    attempt(() => db.exec('BEGIN IMMEDIATE'));
    try {
      const value = work();
      attempt(() => db.exec('COMMIT'));
      return value;
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  };

  return {
    file,
    all: <Row>(sql: string, ...values: readonly SQLInputValue[]) => attempt(() => prepare(sql).all(...values) as Row[]),
    get: <Row>(sql: string, ...values: readonly SQLInputValue[]) =>
      attempt(() => prepare(sql).get(...values) as Row | undefined),
    run: (sql, ...values) => attempt(() => Number(prepare(sql).run(...values).changes)),
    execute: (sql) => {
      attempt(() => db.exec(sql));
    },
    transaction: (work) => {
      if (depth > 0) return work();
      depth += 1;
      try {
        return outermost(work);
      } finally {
        depth -= 1;
      }
    },
    foreignVersion: () =>
      attempt(() => (prepare('PRAGMA data_version').get() as { data_version: number }).data_version),
    close: () => {
      statements.clear();
      if (db.isOpen) db.close();
    },
  };
}
