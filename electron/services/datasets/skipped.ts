import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import type { EntityId } from '../../../shared/domain/ids.ts';
import { SKIPPED_FILE } from '../../compute/data/packed.ts';
import type { Store } from '../../store/store.ts';
import { requireDataset } from '../session.ts';

/** Everything that the import of a data set left out, and why: the file that lies beside it, or else its manifest's list. */
export async function skippedCsv(
  store: Store,
  id: EntityId,
): Promise<{ readonly name: string; readonly bytes: Uint8Array }> {
  const { manifest } = requireDataset(store, id);
  const kept = await readFile(join(store.folder.of('dataset', id), SKIPPED_FILE)).catch(() => null);
  const listed = (): Uint8Array =>
    new TextEncoder().encode(
      stringify(
        manifest.skipped.map(({ file, reason }) => [file, reason]),
        { header: true, columns: ['file', 'reason'] },
      ),
    );
  return { name: `${manifest.name} - left out.csv`, bytes: kept ?? listed() };
}
