import type { EntityId } from '../../../shared/domain/ids.ts';
import type { DatasetRow } from '../../../shared/domain/library.ts';
import { requireDataset } from '../session.ts';
import type { Session } from '../session.ts';
import { importService } from './import.ts';
import type { ImportService } from './import.ts';
import type { Previews } from './preview.ts';
import type { DatasetViews } from './views.ts';

/** Everything that the window and the command line can do with data sets. */
export interface DatasetService extends ImportService, DatasetViews {
  list(): readonly DatasetRow[];
  get(id: EntityId): DatasetRow;
  folder(id: EntityId): string;
}

export function datasetService(session: Session, previews: Previews, views: DatasetViews): DatasetService {
  const { store } = session;
  return {
    list: () => store.datasets.list(),
    get: (id) => requireDataset(store, id),
    folder: (id) => store.folder.of('dataset', requireDataset(store, id).id),
    ...importService(session, previews),
    ...views,
  };
}
