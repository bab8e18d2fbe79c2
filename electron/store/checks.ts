import type { CheckRequest } from '../../shared/domain/check.ts';
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
}

export function checkStore(db: Database): CheckStore {
  return {
    ...jobRows<CheckRow>(db, 'checks'),
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
  };
}
