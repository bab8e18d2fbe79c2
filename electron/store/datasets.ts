import type { DatasetManifest } from '../../shared/domain/dataset.ts';
import type { SavedFilter } from '../../shared/domain/dataset-view.ts';
import type { DatasetRow } from '../../shared/domain/library.ts';
import type { Database } from './database.ts';
import { fromJson } from './json.ts';

export interface DatasetStore {
  add(manifest: DatasetManifest, bytes: number): void;
  get(id: string): DatasetRow | undefined;
  list(): DatasetRow[];
  /** Saved filters of a data set, by name. */
  filters(id: string): SavedFilter[];
  /** Replaces the one of that name. */
  saveFilter(id: string, filter: SavedFilter): void;
  deleteFilter(id: string, name: string): void;
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
    filters: (id) => db.all<SavedFilter>('SELECT name, text FROM filters WHERE dataset = ? ORDER BY name', id),
    saveFilter: (id, { name, text }) => {
      db.run('INSERT OR REPLACE INTO filters (dataset, name, text) VALUES (?, ?, ?)', id, name, text);
    },
    deleteFilter: (id, name) => {
      db.run('DELETE FROM filters WHERE dataset = ? AND name = ?', id, name);
    },
  };
}

/** The name in the library counts; the manifest keeps the one it was imported under. */
function toRow(row: Raw): DatasetRow {
  return { id: row.id, bytes: row.bytes, manifest: { ...fromJson<DatasetManifest>(row.manifest), name: row.name } };
}
