import type { PlanRequest } from '../../shared/domain/plan.ts';
import type { Database } from './database.ts';
import { fromJson } from './json.ts';

/** A plan as it was asked for; its evaluations are rows of their own. */
export interface StoredPlan {
  readonly id: string;
  readonly name: string;
  readonly request: PlanRequest;
  readonly created: string;
}

export interface PlanStore {
  add(plan: StoredPlan): void;
  get(id: string): StoredPlan | undefined;
  list(): StoredPlan[];
  /** What the plan is after an extension. */
  setRequest(id: string, request: PlanRequest): void;
}

interface Raw {
  readonly id: string;
  readonly name: string;
  readonly request: string;
  readonly created: string;
}

const SELECT = 'SELECT id, name, request, created FROM plans WHERE deleted IS NULL';

export function planStore(db: Database): PlanStore {
  const toPlan = (row: Raw): StoredPlan => ({ ...row, request: fromJson(row.request) });
  return {
    add: ({ id, name, request, created }) => {
      db.run(
        'INSERT INTO plans (id, name, dataset, request, created) VALUES (?, ?, ?, ?, ?)',
        id,
        name,
        request.dataset,
        JSON.stringify(request),
        created,
      );
    },
    get: (id) => {
      const row = db.get<Raw>(`${SELECT} AND id = ?`, id);
      return row && toPlan(row);
    },
    list: () => db.all<Raw>(`${SELECT} ORDER BY created, id`).map(toPlan),
    setRequest: (id, request) => {
      db.run('UPDATE plans SET request = ? WHERE id = ?', JSON.stringify(request), id);
    },
  };
}
