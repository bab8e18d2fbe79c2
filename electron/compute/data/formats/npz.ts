import { posix } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../../../shared/domain/errors.ts';
import { badData } from '../../arrays/byte-stream.ts';
import { openNpz } from '../../arrays/npz-stream.ts';
import type { NpzFile } from '../../arrays/npz-stream.ts';
import { readWhole } from '../../arrays/stored.ts';
import type { AnyStored } from '../../arrays/stored.ts';
import type { ArraySource, DataFormat } from '../data-source.ts';
import type { FileTree } from '../tree/tree.ts';
import { readName } from './array-names.ts';
import { arraySource } from './array-set.ts';
import type { NamedArray } from './array-set.ts';
import { filesOfSet, hasPictures, requireOneSet } from './file-set.ts';
import { onDisk } from './tree-names.ts';

const namedClasses = z.looseObject({ classes: z.array(z.string()) });
const SETTINGS_BYTES = 2 ** 20;

/**
 * NumPy archives with images and labels: `images` and `labels`, `x_train`, `y_train`, `x_test`, `y_test` and the like, or a
 * saved adversarial set (`adversarial` and `labels`), all of whose images are test images. Floats stay float32: rounding to
 * 8 bits can undo an attack. Classes are those of `settings` if it names them, else as many as `logits_clean` has.
 */
export const npz: DataFormat = {
  name: 'npz',
  fits: async (tree) => Promise.resolve(filesOfSet(tree, '.npz').length > 0 && !hasPictures(tree)),
  open: openSet,
};

async function openSet(tree: FileTree): Promise<ArraySource> {
  const files = filesOfSet(tree, '.npz');
  if (files.length === 0) throw badData(tree.root, 'holds no NPZ file with images and labels');
  requireOneSet(files, tree.root);
  const opened: NpzFile[] = [];
  const close = (): Promise<void> => {
    for (const file of opened) file.close();
    return Promise.resolve();
  };
  try {
    const arrays: NamedArray[] = [];
    let names: readonly string[] | null = null;
    let count: number | null = null;
    for (const file of files) {
      const archive = await openNpz(await onDisk(tree, file));
      opened.push(archive);
      const { split } = readName(posix.basename(file, posix.extname(file)));
      for (const [key, array] of archive.arrays) arrays.push({ key, group: file, split, array });
      names ??= await classNames(archive.arrays.get('settings'));
      const logits = archive.arrays.get('logits_clean');
      if (logits?.kind === 'numbers') count ??= logits.shape[1] ?? null;
    }
    const [first = ''] = files;
    const stem = posix.basename(first, posix.extname(first));
    return await arraySource(tree, arrays, {
      kind: 'npz',
      suggestedName: files.length === 1 ? stem : readName(stem).stem || stem,
      policy: { keepsNumbers: true, fromOne: false, tenIsZero: false },
      classNames: names,
      classCount: count,
      close,
    });
  } catch (cause) {
    await close();
    throw cause;
  }
}

/** The classes that the settings of a saved set name, if they can be read. */
async function classNames(settings: AnyStored | undefined): Promise<readonly string[] | null> {
  if (settings?.kind !== 'numbers' || settings.stored !== 'u8') return null;
  try {
    const text = new TextDecoder().decode(await readWhole(settings, SETTINGS_BYTES));
    return namedClasses.safeParse(JSON.parse(text)).data?.classes ?? null;
  } catch (cause) {
    if (cause instanceof AppError || cause instanceof SyntaxError) return null;
    throw cause;
  }
}
