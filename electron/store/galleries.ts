import type { GalleryRequest } from '../../shared/domain/gallery.ts';
import type { GalleryRow } from '../../shared/domain/library.ts';
import type { Database } from './database.ts';
import { jobRows, type JobRows } from './job-rows.ts';

export interface GalleryStore extends JobRows<GalleryRow> {
  /** Adds a gallery; its job of the same id must exist. */
  add(gallery: {
    readonly id: string;
    readonly name: string;
    readonly request: GalleryRequest;
    readonly created: string;
  }): void;
}

export function galleryStore(db: Database): GalleryStore {
  return {
    ...jobRows<GalleryRow>(db, 'galleries'),
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
  };
}
