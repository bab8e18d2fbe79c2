import type { Database } from './database.ts';
import { fromJson } from './json.ts';

/** Small values by name, as JSON. */
export interface PreferenceStore {
  get(key: string): unknown;
  set(key: string, value: unknown): void;
}

export function preferenceStore(db: Database): PreferenceStore {
  return {
    get: (key) => {
      const row = db.get<{ value: string }>('SELECT value FROM preferences WHERE key = ?', key);
      return row && fromJson<unknown>(row.value);
    },
    set: (key, value) => {
      db.run('INSERT OR REPLACE INTO preferences (key, value) VALUES (?, ?)', key, JSON.stringify(value));
    },
  };
}
