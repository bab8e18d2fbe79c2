import type { AttackFacts, ModuleContents } from '../../shared/domain/module.ts';
import type { Database } from './database.ts';
import { fromJson } from './json.ts';

/** A version of a user's module that a job host has looked at. */
export interface StoredModule {
  /** Name of the file that had this content. */
  readonly file: string;
  readonly contents: ModuleContents;
}

/** What is known of modules, by the hash of their content: nothing in here ever changes. */
export interface ModuleStore {
  get(hash: string): StoredModule | undefined;
  put(hash: string, module: StoredModule): void;
  readonly facts: (key: string) => AttackFacts | undefined;
  /** @param key see `factsKey`. */
  putFacts(key: string, facts: AttackFacts): void;
}

export function moduleStore(db: Database): ModuleStore {
  return {
    get: (hash) => {
      const row = db.get<{ file: string; contents: string }>('SELECT file, contents FROM modules WHERE hash = ?', hash);
      return row && { file: row.file, contents: fromJson<ModuleContents>(row.contents) };
    },
    put: (hash, { file, contents }) => {
      const text = JSON.stringify(contents);
      // The name stays that of the first file with this content: that of the copy follows from it.
      db.run(
        'INSERT INTO modules (hash, file, contents) VALUES (?, ?, ?) ON CONFLICT (hash) DO UPDATE SET contents = excluded.contents',
        hash,
        file,
        text,
      );
    },
    facts: (key) => {
      const row = db.get<{ facts: string }>('SELECT facts FROM attack_facts WHERE key = ?', key);
      return row && fromJson<AttackFacts>(row.facts);
    },
    putFacts: (key, facts) => {
      db.run('INSERT OR REPLACE INTO attack_facts (key, facts) VALUES (?, ?)', key, JSON.stringify(facts));
    },
  };
}
