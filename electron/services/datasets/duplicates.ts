import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { duplicatesFile } from '../../../shared/domain/dataset.ts';
import type { DuplicatePairs } from '../../../shared/domain/dataset.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import { DUPLICATES_FILE, openPacked } from '../../compute/data/packed.ts';
import type { Store } from '../../store/store.ts';
import { requireDataset } from '../session.ts';

/**
 * Pairs of equal and similar images of a data set, with whether both lie in one split as the set has them now.
 * @throws AppError `bad-data` if the file is damaged.
 */
export async function duplicatePairs(store: Store, id: EntityId): Promise<DuplicatePairs> {
  const { manifest } = requireDataset(store, id);
  const exact = manifest.duplicates?.exact ?? 0;
  const folder = store.folder.of('dataset', id);
  const file = join(folder, DUPLICATES_FILE);
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return { pairs: [], total: 0 };
  const parsed = duplicatesFile.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new AppError('bad-data', `${file} is damaged. Import the data set again.`, { details: { file } });
  }
  const packed = await openPacked(folder);
  try {
    const pairs = parsed.data.pairs.map(([a, b, distance], at) => ({
      a,
      b,
      equal: at < exact,
      distance,
      sameSplit: packed.splits[a] === packed.splits[b],
    }));
    return { pairs, total: parsed.data.total };
  } finally {
    packed.close();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
