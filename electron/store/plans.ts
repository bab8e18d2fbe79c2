import type { PlanRequest } from '../../shared/domain/plan.ts';
import type { Database } from './database.ts';
import { requestRows, type RequestRows } from './request-rows.ts';

/** A plan as it was asked for; its evaluations are rows of their own. */
export interface StoredPlan {
  readonly id: string;
  readonly name: string;
  readonly request: PlanRequest;
  readonly created: string;
}

export interface PlanStore extends RequestRows<StoredPlan> {
  /** What the plan is after an extension. */
  setRequest(id: string, request: PlanRequest): void;
}

export function planStore(db: Database): PlanStore {
  return {
    ...requestRows<StoredPlan>(db, 'plans'),
    setRequest: (id, request) => {
      db.run('UPDATE plans SET request = ? WHERE id = ?', JSON.stringify(request), id);
    },
  };
}
