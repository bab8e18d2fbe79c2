import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { DatasetFormat } from '../../../../shared/domain/dataset-format.ts';
import { AppError } from '../../../../shared/domain/errors.ts';
import type { ImportPlan } from '../../../../shared/domain/import-plan.ts';
import type { Control } from '../../jobs/control.ts';
import type { DataFormat, DataSource } from '../data-source.ts';
import { DATA_FORMATS } from '../formats/registry.ts';
import { openTree } from '../tree/open-tree.ts';
import type { FileTree } from '../tree/tree.ts';

/** A source of images, open, with the tree that it reads from. */
export interface OpenedSource {
  readonly tree: FileTree;
  readonly source: DataSource;
  /** Every format that fits the tree, the likeliest first; with a format that the plan names, that one first. */
  readonly formats: readonly DatasetFormat[];
  /** Closes both; calling it twice is harmless. */
  close(): Promise<void>;
}

/**
 * Finds out what `plan.path` holds.
 * @param scratch folder for what archives need unpacked.
 * @throws AppError `not-found`, `invalid-input` or `bad-data` that names the path and says what was expected.
 */
export async function openSource(plan: ImportPlan, scratch: string, control: Control): Promise<OpenedSource> {
  const path = resolve(plan.path);
  if (!(await stat(path).catch(() => null))) {
    throw new AppError('not-found', `${path} does not exist.`, { details: { file: path, field: 'path' } });
  }
  const tree = await openTree(path, { ...(plan.only && { only: plan.only }), scratch, control });
  try {
    const fitting: DataFormat[] = [];
    for (const format of DATA_FORMATS) if (await format.fits(tree)) fitting.push(format);
    const chosen = plan.format === 'auto' ? fitting[0] : DATA_FORMATS.find((format) => format.name === plan.format);
    if (!chosen) throw unknownSource(path, tree);
    await control.checkpoint();
    const source = await chosen.open(tree, plan);
    let open = true;
    return {
      tree,
      source,
      formats: [chosen.name, ...fitting.filter((format) => format !== chosen).map((format) => format.name)],
      close: async () => {
        if (!open) return;
        open = false;
        await source.close?.();
        await tree.close();
      },
    };
  } catch (error) {
    await tree.close();
    throw error;
  }
}

function unknownSource(path: string, tree: FileTree): AppError {
  const [first] = tree.skipped;
  const hint = first ? ` For example, ${first.file} ${first.reason}.` : '';
  return new AppError(
    'bad-data',
    tree.files.length === 0
      ? `${path} holds no file that can be read.${hint}`
      : `${path} is not a data set that can be read. Choose a folder or archive with one folder of images per class, images with a CSV or JSON list of their labels, IDX files such as train-images-idx3-ubyte.gz, batches of CIFAR, NPZ or NPY arrays, MATLAB files, Parquet files or WebDataset archives.${hint}`,
    { details: { file: path } },
  );
}
