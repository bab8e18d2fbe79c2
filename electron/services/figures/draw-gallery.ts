import { join } from 'node:path';
import { AppError } from '../../../shared/domain/errors.ts';
import type { MapMethod, MapTarget } from '../../../shared/domain/gallery.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { GalleryRow } from '../../../shared/domain/library.ts';
import { normalisedRows, type ScaleMode } from '../../../shared/domain/map-scale.ts';
import type { ImageShape } from '../../../shared/domain/shape.ts';
import { readNpyRows } from '../../compute/arrays/npy.ts';
import { openPacked } from '../../compute/data/packed.ts';
import type { Library } from '../library.ts';
import { footnotes, markedModels } from '../marks.ts';
import { galleryFigure, type GalleryModel } from './gallery.ts';
import type { Map2D, Picture } from './picture.ts';
import type { SvgFigure } from './svg-document.ts';

/**
 * Draws the first `mostRows` rows of a finished gallery.
 * @throws AppError `conflict` while it is still being computed, `invalid-input` for a method that it does not have.
 */
export async function drawGallery(
  library: Library,
  gallery: GalleryRow,
  method: MapMethod,
  scale: ScaleMode,
  mostRows = Infinity,
): Promise<SvgFigure> {
  const { request, result } = gallery;
  if (!result) throw new AppError('conflict', `The gallery “${gallery.name}” is not finished yet.`, { retry: true });
  if (!request.methods.includes(method)) {
    throw new AppError('invalid-input', `method: the gallery “${gallery.name}” has no ${method} maps.`);
  }
  const { findMapMethod } = await import('../../compute/attention/methods/registry.ts');
  const { label: mapLabel, explains, signed, level } = findMapMethod(method);
  const { manifest } = library.datasets.get(request.dataset);
  const className = (label: number): string => manifest.classes[label] ?? String(label);
  const rows = result.rows.slice(0, mostRows);
  const images = await cleanImages(
    library,
    request.dataset,
    rows.map(({ index }) => index),
    manifest.shape,
  );
  const models = await Promise.all(
    request.models.map(async (id): Promise<GalleryModel> => {
      const arrays = await readArrays(
        join(library.galleries.folder(gallery.id), id),
        { name: method, level },
        rows.length,
        manifest.shape,
      );
      const captions = rows.map(({ predictions, keyArea }) => {
        const text = (kind: 'clean' | 'adversarial'): string =>
          `${className(predictions[id]?.[kind] ?? -1)} · ${(keyArea[id]?.[method]?.[kind] ?? 0).toFixed(3)}`;
        return { clean: text('clean'), adversarial: text('adversarial') };
      });
      return { name: library.models.get(id).name, ...arrays, captions };
    }),
  );
  const { resolveAttack } = await import('../../compute/attacks/registry.ts');
  const attack = resolveAttack(request.attack).label;
  const kind = `${mapLabel}${explains ? ` of ${targetText(request.target, className)}` : ''}${method === 'activation' ? ` (q = ${request.exponent})` : ''}`;
  const area = request.reference
    ? `of the clean map of ${library.models.get(request.reference).name}`
    : "of each model's own clean map";
  return galleryFigure({
    title: gallery.name,
    rows: rows.map(({ label, index }, row) => ({
      label: `${className(label)} (#${index})`,
      image: images[row] ?? { shape: manifest.shape, values: [] },
    })),
    models,
    attackLabel: attack.split(', ')[0] ?? attack,
    scale,
    signed,
    notes: [
      `x′ by ${attack}. ${kind}, ${level === 'layer' ? `layer ${result.layer}` : 'at the resolution of the images'}, maps over their L2 norm. Under each map: prediction and mean in the key area, the top ${request.topPercent} % ${area} (outlined).`,
      ...footnotes(request.models.map(markedModels(library, request.dataset))),
    ],
  });
}

/** `the true class`, `the margin of cat over dog`. */
function targetText(target: MapTarget, className: (label: number) => string): string {
  if (target === 'true' || target === 'predicted') return `the ${target} class`;
  if ('class' in target) return `the class ${className(target.class)}`;
  return `the margin of ${className(target.margin[0])} over ${className(target.margin[1])}`;
}

async function cleanImages(
  library: Library,
  id: EntityId,
  positions: readonly number[],
  shape: ImageShape,
): Promise<Picture[]> {
  const dataset = await openPacked(library.datasets.folder(id));
  try {
    return pictures(dataset.readImages(positions), positions.length, shape);
  } finally {
    dataset.close();
  }
}

async function readArrays(
  folder: string,
  { name: method, level }: { readonly name: MapMethod; readonly level: 'layer' | 'input' },
  rows: number,
  shape: ImageShape,
): Promise<Omit<GalleryModel, 'name' | 'captions'>> {
  const wanted = Array.from({ length: rows }, (_, row) => row);
  const read = async (name: string): Promise<{ readonly shape: readonly number[]; readonly values: Float32Array }> => {
    const array = await readNpyRows(join(folder, `${name}.npy`), wanted);
    return { shape: array.shape, values: Float32Array.from(array.data, Number) };
  };
  const maps = async (kind: 'clean' | 'adversarial'): Promise<Map2D[]> => {
    const array = await read(`map-${method}-${kind}`);
    return normalisedRows(array.values, array.shape).map((values) => mapOf(array.shape, values));
  };
  const areas = await read(level === 'input' ? 'key-area-input' : 'key-area');
  return {
    adversarialImages: pictures((await read('images-adversarial')).values, rows, shape),
    clean: await maps('clean'),
    adversarial: await maps('adversarial'),
    keyAreas: wanted.map((row) => mapOf(areas.shape, rowOf(areas.values, row, rows))),
  };
}

function mapOf([, height = 0, width = 0]: readonly number[], values: Float32Array): Map2D {
  return { height, width, values };
}

function pictures(values: Float32Array, rows: number, shape: ImageShape): Picture[] {
  return Array.from({ length: rows }, (_, row) => ({ shape, values: rowOf(values, row, rows) }));
}

function rowOf(values: Float32Array, row: number, rows: number): Float32Array {
  const size = values.length / rows;
  return values.subarray(row * size, (row + 1) * size);
}
