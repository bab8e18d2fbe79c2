import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../shared/domain/errors.ts';
import type { Database } from './database.ts';
import { storeError } from './errors.ts';

/** Marks the file as a Pairlight library (`PRAGMA application_id`): "PLib" in ASCII. */
const APPLICATION_ID = 0x504c6962;

/**
 * Steps of the schema, oldest first. Step n takes a library from version n to n + 1; a released step is never edited.
 * JSON columns hold values of the schemas in shared/domain.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE datasets (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, manifest TEXT NOT NULL, bytes INTEGER NOT NULL,
    created TEXT NOT NULL, bin TEXT, deleted TEXT
  ) STRICT;

  CREATE TABLE jobs (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, title TEXT NOT NULL, state TEXT NOT NULL, rank INTEGER NOT NULL,
    options TEXT NOT NULL, creator TEXT NOT NULL, resume INTEGER NOT NULL DEFAULT 0, wish TEXT,
    progress TEXT, error TEXT, engine TEXT, created TEXT NOT NULL, started TEXT, ended TEXT
  ) STRICT;
  CREATE INDEX jobs_by_state ON jobs (state, rank);

  CREATE TABLE runs (
    id TEXT PRIMARY KEY REFERENCES jobs (id), name TEXT NOT NULL, dataset TEXT NOT NULL REFERENCES datasets (id),
    config TEXT NOT NULL, colour INTEGER NOT NULL, result TEXT, checkpoint_step INTEGER,
    created TEXT NOT NULL, bin TEXT, deleted TEXT
  ) STRICT;
  CREATE INDEX runs_by_dataset ON runs (dataset);

  CREATE TABLE models (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, origin TEXT NOT NULL, architecture TEXT NOT NULL, defence TEXT,
    dataset TEXT NOT NULL REFERENCES datasets (id), input_shape TEXT NOT NULL, classes INTEGER NOT NULL,
    parameters INTEGER NOT NULL, seed INTEGER, colour INTEGER NOT NULL, weights TEXT NOT NULL,
    created TEXT NOT NULL, bin TEXT, deleted TEXT
  ) STRICT;
  CREATE INDEX models_by_dataset ON models (dataset);

  CREATE TABLE evaluations (
    id TEXT PRIMARY KEY REFERENCES jobs (id), name TEXT NOT NULL, dataset TEXT NOT NULL REFERENCES datasets (id),
    source TEXT, request TEXT NOT NULL, partial TEXT NOT NULL DEFAULT '[]', result TEXT,
    created TEXT NOT NULL, bin TEXT, deleted TEXT
  ) STRICT;
  CREATE INDEX evaluations_by_dataset ON evaluations (dataset);

  CREATE TABLE evaluation_results (
    evaluation TEXT NOT NULL REFERENCES evaluations (id) ON DELETE CASCADE, model TEXT NOT NULL, result TEXT NOT NULL,
    PRIMARY KEY (evaluation, model)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX evaluation_results_by_model ON evaluation_results (model);

  CREATE TABLE example_results (
    evaluation TEXT NOT NULL REFERENCES evaluations (id) ON DELETE CASCADE, model TEXT NOT NULL, row INTEGER NOT NULL,
    position INTEGER NOT NULL, label INTEGER NOT NULL,
    clean_prediction INTEGER NOT NULL, adversarial_prediction INTEGER NOT NULL,
    broken INTEGER NOT NULL, attacked INTEGER NOT NULL, first_success INTEGER, restart INTEGER,
    linf REAL NOT NULL, l2 REAL NOT NULL, clean_confidence REAL NOT NULL, adversarial_confidence REAL NOT NULL,
    PRIMARY KEY (evaluation, model, row)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE galleries (
    id TEXT PRIMARY KEY REFERENCES jobs (id), name TEXT NOT NULL, dataset TEXT NOT NULL REFERENCES datasets (id),
    request TEXT NOT NULL, result TEXT, created TEXT NOT NULL, bin TEXT, deleted TEXT
  ) STRICT;
  CREATE INDEX galleries_by_dataset ON galleries (dataset);

  CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1), token TEXT NOT NULL, pid INTEGER NOT NULL, host TEXT NOT NULL,
    heartbeat INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE preferences (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `ALTER TABLE example_results ADD COLUMN queries INTEGER;`,
  `
  CREATE TABLE plans (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, dataset TEXT NOT NULL REFERENCES datasets (id), request TEXT NOT NULL,
    created TEXT NOT NULL, bin TEXT, deleted TEXT
  ) STRICT;
  CREATE INDEX plans_by_dataset ON plans (dataset);
  ALTER TABLE evaluations ADD COLUMN plan TEXT REFERENCES plans (id);
  ALTER TABLE evaluations ADD COLUMN place INTEGER;
  CREATE INDEX evaluations_by_plan ON evaluations (plan, place);
  UPDATE evaluations SET request = json_insert(request, '$.ensemble', json('[]'), '$.carryFrom', json('[]'), '$.goal', 'untargeted');
  ALTER TABLE example_results ADD COLUMN l1 REAL;
  ALTER TABLE example_results ADD COLUMN distance REAL;
  ALTER TABLE example_results ADD COLUMN survives_8bit INTEGER;
  ALTER TABLE example_results ADD COLUMN carried_from TEXT;
  `,
  `ALTER TABLE models ADD COLUMN foreign_reading TEXT;`,
  `
  CREATE TABLE checks (
    id TEXT PRIMARY KEY REFERENCES jobs (id), name TEXT NOT NULL, dataset TEXT NOT NULL REFERENCES datasets (id),
    model TEXT NOT NULL, request TEXT NOT NULL, result TEXT, created TEXT NOT NULL, bin TEXT, deleted TEXT
  ) STRICT;
  CREATE INDEX checks_by_dataset ON checks (dataset);
  CREATE INDEX checks_by_model ON checks (model);
  `,
  `ALTER TABLE models ADD COLUMN architecture_settings TEXT;`,
  `ALTER TABLE checks ADD COLUMN partial TEXT NOT NULL DEFAULT '[]';`,
  `
  CREATE TABLE modules (hash TEXT PRIMARY KEY, file TEXT NOT NULL, contents TEXT NOT NULL) STRICT;
  CREATE TABLE attack_facts (key TEXT PRIMARY KEY, facts TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE models ADD COLUMN trained_against TEXT;
  UPDATE models SET trained_against = (
    SELECT json_extract(config, '$.defenceSettings.members') FROM runs
    WHERE runs.id = models.id AND json_type(config, '$.defenceSettings.members') = 'array'
      AND json_array_length(config, '$.defenceSettings.members') > 0
  );
  `,
  `
  CREATE TABLE sweeps (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, dataset TEXT NOT NULL REFERENCES datasets (id), request TEXT NOT NULL,
    created TEXT NOT NULL, bin TEXT, deleted TEXT
  ) STRICT;
  CREATE INDEX sweeps_by_dataset ON sweeps (dataset);
  CREATE TABLE sweep_parts (
    sweep TEXT NOT NULL REFERENCES sweeps (id) ON DELETE CASCADE, key TEXT NOT NULL, entity TEXT NOT NULL,
    PRIMARY KEY (sweep, key)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE filters (
    dataset TEXT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE, name TEXT NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (dataset, name)
  ) STRICT, WITHOUT ROWID;
  `,
];

/**
 * Brings the database to the newest schema. Each step is one transaction, so a crash leaves a whole version behind;
 * a library with data is copied to `backupFolder` first.
 * @throws AppError `library-newer` for a schema that this version does not know, `bad-data` for a foreign database.
 */
export function migrate(db: Database, backupFolder: string, migrations: readonly string[] = MIGRATIONS): void {
  const found = checkVersion(db, migrations.length);
  if (found === migrations.length) return;
  if (found > 0) backUp(db, backupFolder, found);
  for (let version = found; version < migrations.length; version += 1) {
    db.transaction(() => {
      // Another process may have taken this step while this one waited for the lock.
      if (schemaVersion(db) !== version) return;
      db.execute(migrations[version] ?? '');
      db.execute(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version + 1};`);
    });
  }
  checkVersion(db, migrations.length);
}

function checkVersion(db: Database, known: number): number {
  const version = schemaVersion(db);
  const application = db.get<{ application_id: number }>('PRAGMA application_id')?.application_id ?? 0;
  const tables = db.get<{ count: number }>('SELECT count(*) AS count FROM sqlite_schema')?.count ?? 0;
  if (application !== APPLICATION_ID && (application !== 0 || version !== 0 || tables > 0)) {
    throw new AppError(
      'bad-data',
      `${db.file} is a database of another program. Choose another folder with --library.`,
      { details: { file: db.file } },
    );
  }
  if (version > known) {
    throw new AppError(
      'library-newer',
      `The library ${db.file} was written by a newer version of Pairlight (schema ${version}; this version knows ${known}). Update Pairlight, or choose another library with --library.`,
      { details: { file: db.file, found: version, known } },
    );
  }
  return version;
}

function schemaVersion(db: Database): number {
  return db.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0;
}

function backUp(db: Database, folder: string, version: number): void {
  const stamp = new Date().toISOString().replace(/[:.]/g, '-');
  const file = join(folder, `library-v${version}-${stamp}.db`);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw storeError(folder, cause);
  }
  db.run('VACUUM INTO ?', file);
}
