import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { stringify } from 'csv-stringify/sync';
import type { MapMethod } from '../../../shared/domain/gallery.ts';
import type { GalleryRow } from '../../../shared/domain/library.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import { normalisedRows, type ScaleMode } from '../../../shared/domain/map-scale.ts';
import type { TrainPoint } from '../../../shared/domain/training.ts';
import { readNpyRows } from '../../compute/arrays/npy.ts';
import { openPacked } from '../../compute/data/packed.ts';
import type { Library } from '../library.ts';
import { galleryFigure, type GalleryModel } from './gallery.ts';
import type { Map2D, Picture } from './picture.ts';
import { renderFigure, type FigureFormat } from './render.ts';
import { runCurve, type RunCurve } from './run-curve.ts';
import type { SvgFigure } from './svg-document.ts';
import { tableCsv, tableLatex } from './table.ts';

/** A file ready to be written wherever the user wants it. */
export interface ExportedFile {
  /** A name to suggest, safe on every system. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The result table of a data set as CSV (every number with its attack, settings and data hash) or LaTeX. */
export async function exportTable(library: Library, dataset: EntityId, format: 'csv' | 'latex'): Promise<ExportedFile> {
  const table = await library.evaluations.table(dataset);
  if (table.columns.length === 0) {
    throw new AppError('not-found', 'There is no result to export yet: evaluate a model first.');
  }
  const { manifest } = library.datasets.get(dataset);
  const context = { models: library.models.list(), datasetName: manifest.name, datasetHash: manifest.hash };
  const text = format === 'csv' ? tableCsv(table, context) : tableLatex(table, context);
  return { name: `${fileName(manifest.name)}-results.${format === 'csv' ? 'csv' : 'tex'}`, bytes: strToU8(text) };
}

/** Loss terms of a run, or accuracies of several, as a figure of one column's width. */
export async function exportCurve(
  library: Library,
  runs: readonly EntityId[],
  curve: RunCurve,
  format: FigureFormat,
): Promise<ExportedFile> {
  const histories = await Promise.all(
    runs.map(async (id) => {
      const { name, colour } = library.runs.get(id);
      return { name, colour, points: await library.runs.points(id) };
    }),
  );
  const figure = runCurve(histories, curve);
  const base = runs.length === 1 ? (histories[0]?.name ?? 'run') : 'runs';
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
      'metrics.csv': strToU8(metricsCsv(await library.runs.points(id))),
      'weights.npz': [weights, { level: 0 }],
    },
    { mtime: new Date(run.created) },
  );
  return { name: `${fileName(run.name)}.zip`, bytes };
}

function metricsCsv(points: readonly TrainPoint[]): string {
  const lines = points.map((point) =>
    point.type === 'step'
      ? {
          ...point,
          ...Object.fromEntries(Object.entries(point.terms).map(([term, value]) => [`loss ${term}`, value])),
          terms: undefined,
        }
      : point,
  );
  const columns = [...new Set(lines.flatMap((line) => Object.keys(line)))].filter((column) => column !== 'terms');
  return stringify(lines, { header: true, columns });
}

/** Draws a finished gallery. @throws AppError `conflict` while it is still being computed. */
export async function drawGallery(
  library: Library,
  gallery: GalleryRow,
  method: MapMethod,
  scale: ScaleMode,
): Promise<SvgFigure> {
  const { request, result } = gallery;
  if (!result) throw new AppError('conflict', `The gallery “${gallery.name}” is not finished yet.`, { retry: true });
  if (!request.methods.includes(method)) {
    throw new AppError('invalid-input', `method: the gallery “${gallery.name}” has no ${method} maps.`);
  }
  const folder = library.galleries.folder(gallery.id);
  const { manifest } = library.datasets.get(request.dataset);
  const className = (label: number): string => manifest.classes[label] ?? String(label);
  const dataset = await openPacked(library.datasets.folder(request.dataset));
  const images = Float32Array.from(await dataset.readImages(request.indices));
  await dataset.close();
  const pixels = manifest.shape[0] * manifest.shape[1] * manifest.shape[2];
  const pictures = (values: ArrayLike<number>): Picture[] =>
    request.indices.map((_, row) => ({
      shape: manifest.shape,
      values: Array.prototype.slice.call(values, row * pixels, (row + 1) * pixels) as number[],
    }));

  const models = await Promise.all(
    request.models.map(async (id): Promise<GalleryModel> => {
      const read = (name: string): ReturnType<typeof readNpyRows> => readNpyRows(join(folder, id, `${name}.npy`));
      const maps = async (kind: 'clean' | 'adversarial'): Promise<Map2D[]> => {
        const { data, shape } = await read(`map-${method}-${kind}`);
        const [, height = 0, width = 0] = shape;
        return normalisedRows(Float32Array.from(data, Number), shape).map((values) => ({ height, width, values }));
      };
      const area = await read('key-area');
      const [, height = 0, width = 0] = area.shape;
      return {
        name: library.models.get(id).name,
        adversarialImages: pictures(Float32Array.from((await read('images-adversarial')).data, Number)),
        clean: await maps('clean'),
        adversarial: await maps('adversarial'),
        keyAreas: request.indices.map((_, row) => ({
          height,
          width,
          values: Array.from(area.data.slice(row * height * width, (row + 1) * height * width), Number),
        })),
        captions: result.rows.map((row) => {
          const text = (kind: 'clean' | 'adversarial'): string =>
            `${className(row.predictions[id]?.[kind] ?? -1)} · ${(row.keyArea[id]?.[method]?.[kind] ?? 0).toFixed(3)}`;
          return { clean: text('clean'), adversarial: text('adversarial') };
        }),
      };
    }),
  );
  const epsilon = request.attack.settings.epsilon;
  const keyArea = request.reference
    ? `of the clean map of ${library.models.get(request.reference).name}`
    : "of each model's own clean map";
  return galleryFigure({
    title: gallery.name,
    rows: result.rows.map((row, index) => ({
      label: `${className(row.label)} (#${row.index})`,
      image: pictures(images)[index] ?? { shape: manifest.shape, values: [] },
    })),
    models,
    attackLabel:
      typeof epsilon === 'number'
        ? `${request.attack.name.toUpperCase()}, ε ${epsilon}`
        : request.attack.name.toUpperCase(),
    scale,
    note: `${method === 'activation' ? `Activation attention (q = ${request.exponent})` : `Grad-CAM of the ${request.target} class`}, layer ${result.layer}, maps over their L2 norm. Under each map: prediction and mean in the key area, the top ${request.topPercent} % ${keyArea} (outlined).`,
  });
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
