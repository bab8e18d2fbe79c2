import type { GalleryRequest, GalleryResult } from '../../shared/domain/gallery.ts';
import type { GalleryRow } from '../../shared/domain/library.ts';
import type { RunState } from '../../shared/domain/training.ts';
import type { Database } from './database.ts';
import { fromJson, fromJsonOrNull, toJsonOrNull } from './json.ts';

export interface GalleryStore {
  /** Adds a gallery; its job of the same id must exist. */
  add(gallery: {
    readonly id: string;
    readonly name: string;
    readonly request: GalleryRequest;
    readonly created: string;
  }): void;
  get(id: string): GalleryRow | undefined;
  list(): GalleryRow[];
  setResult(id: string, result: GalleryResult | null): void;
}

interface Raw {
  readonly id: string;
  readonly name: string;
  readonly request: string;
  readonly state: RunState;
  readonly result: string | null;
  readonly error: string | null;
  readonly created: string;
}

const SELECT = `SELECT galleries.id, name, request, jobs.state, result, jobs.error, galleries.created
  FROM galleries JOIN jobs ON jobs.id = galleries.id WHERE deleted IS NULL`;

export function galleryStore(db: Database): GalleryStore {
  return {
    add: ({ id, name, request, created }) => {
      db.run(
        'INSERT INTO galleries (id, name, dataset, request, created) VALUES (?, ?, ?, ?, ?)',
        id,
        name,
        request.dataset,
        JSON.stringify(request),
        created,
      );
    },
    get: (id) => {
      const row = db.get<Raw>(`${SELECT} AND galleries.id = ?`, id);
      return row && toGallery(row);
    },
    list: () => db.all<Raw>(`${SELECT} ORDER BY galleries.created, galleries.id`).map(toGallery),
    setResult: (id, result) => {
      db.run('UPDATE galleries SET result = ? WHERE id = ?', toJsonOrNull(result), id);
    },
  };
}

function toGallery(row: Raw): GalleryRow {
  return {
    ...row,
    request: fromJson(row.request),
    result: fromJsonOrNull(row.result),
    error: fromJsonOrNull(row.error),
  };
}
