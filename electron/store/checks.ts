import type { CheckItem, CheckRequest } from '../../shared/domain/check.ts';
import type { CheckRow } from '../../shared/domain/library.ts';
import type { Database } from './database.ts';
import { jobRows, type JobRows } from './job-rows.ts';

export interface CheckStore extends JobRows<CheckRow> {
  /** Adds a check; its job of the same id must exist. */
  add(check: {
    readonly id: string;
    readonly name: string;
    readonly request: CheckRequest;
    readonly created: string;
  }): void;
  /** Notes the parts that are done. */
  setPartial(id: string, items: readonly CheckItem[]): void;
}

export function checkStore(db: Database): CheckStore {
  return {
    ...jobRows<CheckRow>(db, 'checks', ['partial']),
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
    setPartial: (id, items) => {
      db.run('UPDATE checks SET partial = ? WHERE id = ?', JSON.stringify(items), id);
    },
  };
}
