import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { stringify } from 'csv-stringify/sync';
import type { MapMethod } from '../../../shared/domain/gallery.ts';
import type { ResultTable } from '../../../shared/domain/library.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { ScaleMode } from '../../../shared/domain/map-scale.ts';
import type { TrainPoint } from '../../../shared/domain/train-point.ts';
import { adversarialNpz } from '../adversarial-npz.ts';
import type { Library } from '../library.ts';
import { markedModels } from '../marks.ts';
import { drawGallery } from './draw-gallery.ts';
import { renderFigure, type FigureFormat } from './render.ts';
import { runCurve, type RunCurve } from './run-curve.ts';
import { tableCsv, tableLatex } from './table.ts';

/** A file ready to be written wherever the user wants it. */
export interface ExportedFile {
  /** A name to suggest, safe on every system. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * The result table of a data set as CSV (every number with its attack, settings and data hash) or LaTeX.
 * @param models these alone, in this order; all where none are given
 */
export async function exportTable(
  library: Library,
  dataset: EntityId,
  format: 'csv' | 'latex',
  models?: readonly EntityId[],
): Promise<ExportedFile> {
  const whole = await library.evaluations.table(dataset);
  const table = models ? tableOf(whole, models) : whole;
  if (table.columns.length === 0) {
    throw new AppError('not-found', 'There is no result to export yet: evaluate a model first.');
  }
  const { manifest } = library.datasets.get(dataset);
  const context = { models: library.models.list(), datasetName: manifest.name, datasetHash: manifest.hash };
  const text = format === 'csv' ? tableCsv(table, context) : tableLatex(table, context);
  return { name: `${fileName(manifest.name)}-results.${format === 'csv' ? 'csv' : 'tex'}`, bytes: strToU8(text) };
}

/** The rows of some models, and the columns that they have a number in. */
function tableOf(table: ResultTable, models: readonly EntityId[]): ResultTable {
  const columns = table.columns.filter(({ key }) => models.some((id) => table.cells[id]?.[key]));
  return { ...table, models: models.filter((id) => table.models.includes(id)), columns };
}

/** How runs went: as a figure of one column's width, or everything that was measured as CSV. */
export async function exportCurve(
  library: Library,
  runs: readonly EntityId[],
  curve: RunCurve,
  format: FigureFormat | 'csv',
): Promise<ExportedFile> {
  const histories = await Promise.all(
    runs.map(async (id) => {
      const { name, colour, config } = library.runs.get(id);
      const { check } = markedModels(library, config.dataset)(id);
      return { name, colour, check, points: await library.runs.points(id) };
    }),
  );
  const base = runs.length === 1 ? (histories[0]?.name ?? 'run') : 'runs';
  if (format === 'csv') return { name: `${fileName(base)}-curves.csv`, bytes: strToU8(metricsCsv(histories)) };
  const figure = runCurve(histories, curve);
  return { name: `${fileName(base)}-${curve}.${format}`, bytes: await renderFigure(figure, format, 600) };
}

/** A gallery as a figure of a page's width. */
export async function exportGallery(
  library: Library,
  id: EntityId,
  method: MapMethod,
  scale: ScaleMode,
  format: 'png' | 'pdf' | 'svg',
): Promise<ExportedFile> {
  const gallery = library.galleries.get(id);
  const figure = await drawGallery(library, gallery, method, scale);
  return { name: `${fileName(gallery.name)}-${method}.${format}`, bytes: await renderFigure(figure, format) };
}

/** The adversarial examples of one target, see {@link adversarialNpz}. @throws AppError `conflict` before the end. */
export async function exportAdversarial(library: Library, id: EntityId, model: EntityId): Promise<ExportedFile> {
  const { name, result } = library.evaluations.get(id);
  if (!result)
    throw new AppError('conflict', `${name} is not finished yet: save its examples when it is.`, { details: { id } });
  return {
    name: `${fileName(name)}-${fileName(library.models.get(model).name)}.npz`,
    bytes: await adversarialNpz(library, id, model),
  };
}

/** A run as one ZIP: `run.json` (configuration, results, data hash), `config.yaml`, `metrics.csv`, `weights.npz`. */
export async function exportRun(library: Library, id: EntityId): Promise<ExportedFile> {
  const run = library.runs.get(id);
  const folder = library.runs.folder(id);
  const { manifest } = library.datasets.get(run.config.dataset);
  const weights = await readFile(library.models.file(id).weights);
  const description = { run, dataset: { name: manifest.name, sha256: manifest.hash, splits: manifest.splits } };
  const bytes = zipSync(
    {
      'run.json': strToU8(`${JSON.stringify(description, null, 2)}\n`),
      'config.yaml': await readFile(join(folder, 'config.yaml')),
      'metrics.csv': strToU8(metricsCsv([{ points: await library.runs.points(id) }])),
      'weights.npz': [weights, { level: 0 }],
    },
    { mtime: new Date(run.created) },
  );
  return { name: `${fileName(run.name)}.zip`, bytes };
}

/** Every point of the runs, a line each; of several runs with their names. */
function metricsCsv(runs: readonly { readonly name?: string; readonly points: readonly TrainPoint[] }[]): string {
  const lines = runs.flatMap(({ name, points }) =>
    points.map((point) => ({ ...(name !== undefined && { run: name }), ...flat(point) })),
  );
  return stringify(lines, { header: true, columns: [...new Set(lines.flatMap((line) => Object.keys(line)))] });
}

function flat(point: TrainPoint): Readonly<Record<string, unknown>> {
  switch (point.type) {
    case 'step': {
      const { terms, ...rest } = point;
      return { ...rest, ...prefixed('loss', terms) };
    }
    case 'validation': {
      const { ema, ...rest } = point;
      return { ...rest, ...(ema && prefixed('averaged', ema)) };
    }
    case 'probe':
      return point;
    case 'speed': {
      const { time, memory, ...rest } = point;
      return { ...rest, ...prefixed('ms', time), ...prefixed('memory', memory) };
    }
  }
}

function prefixed(prefix: string, values: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`${prefix} ${key}`, value]));
}

/** A name as a file name on every system: letters, digits, dashes. */
export function fileName(name: string): string {
  return (
    name
      .normalize('NFKD')
      .replace(/[^\p{L}\p{N}]+/gu, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 80) || 'pairlight'
  );
}
