import type { DatasetManifest } from '../../shared/domain/dataset.ts';
import type { DatasetRow } from '../../shared/domain/library.ts';
import type { Database } from './database.ts';
import { fromJson } from './json.ts';

export interface DatasetStore {
  add(manifest: DatasetManifest, bytes: number): void;
  get(id: string): DatasetRow | undefined;
  list(): DatasetRow[];
}

interface Raw {
  readonly id: string;
  readonly name: string;
  readonly manifest: string;
  readonly bytes: number;
}

const SELECT = 'SELECT id, name, manifest, bytes FROM datasets WHERE deleted IS NULL';

export function datasetStore(db: Database): DatasetStore {
  return {
    add: (manifest, bytes) => {
      db.run(
        'INSERT INTO datasets (id, name, manifest, bytes, created) VALUES (?, ?, ?, ?, ?)',
        manifest.id,
        manifest.name,
        JSON.stringify(manifest),
        bytes,
        manifest.created,
      );
    },
    get: (id) => {
      const row = db.get<Raw>(`${SELECT} AND id = ?`, id);
      return row && toRow(row);
    },
    list: () => db.all<Raw>(`${SELECT} ORDER BY created, id`).map(toRow),
  };
}

/** The name in the library counts; the manifest keeps the one it was imported under. */
function toRow(row: Raw): DatasetRow {
  return { id: row.id, bytes: row.bytes, manifest: { ...fromJson<DatasetManifest>(row.manifest), name: row.name } };
}
