import type { EngineInfo } from '../../../shared/domain/engine.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { GalleryRequest, GalleryResult, KeyAreaMeasure, MapMethod } from '../../../shared/domain/gallery.ts';
import { boundsOf } from '../attacks/base/budget.ts';
import { imageSize, type Examples } from '../attacks/base/examples.ts';
import type { AttackOptions } from '../attacks/options.ts';
import { workOf } from '../attacks/plan.ts';
import { resolveAttack } from '../attacks/registry.ts';
import { attackTransfer } from '../attacks/base/transfer.ts';
import type { PackedDataset } from '../data/packed.ts';
import { checkModels, type EvaluatedModel } from '../evaluation/check-models.ts';
import { readExamples } from '../data/examples.ts';
import type { Control } from '../jobs/control.ts';
import { stream } from '../random/stream.ts';
import { mapRow, topArea, type MapRows } from './key-area.ts';
import { mapResolution, resizeMaps, viewOf, type View } from './maps.ts';
import { findMapMethod } from './methods/registry.ts';
import { measureMethod, type MethodMeasure } from './measure.ts';
import { writeGalleryArrays, type Views } from './write.ts';

export interface GalleryInput {
  readonly request: GalleryRequest;
  readonly dataset: PackedDataset;
  /** In the order of the request. Their weights stay the caller's. */
  readonly models: readonly EvaluatedModel[];
  /** Where x' is made; null: on each model itself. */
  readonly source: EvaluatedModel | null;
  /** Whose clean map defines the common key area; null: each model's own. */
  readonly reference: EvaluatedModel | null;
  readonly engine: EngineInfo;
  readonly control: Pick<Control, 'checkpoint' | 'progress'>;
  /** Existing folder; gets a folder of each model's id with the arrays named in shared/domain/gallery.ts. */
  readonly folder: string;
}

const BATCH = 125;

type Row = GalleryResult['rows'][number];

/**
 * Attention maps of clean images, of their adversarial examples and of a noise control, for several models, with the
 * key-area measures.
 *
 * x' is the attack's last iterate, at its full strength, also for images that are misclassified anyway. The key area is
 * the top `topPercent` of the clean activation map (of the clean Grad-CAM map if that is the only method), of the
 * reference model where there is one, brought to the model's resolution; it serves all methods.
 * @throws AppError `invalid-input` for settings or a layer that a model lacks, `wrong-architecture`,
 *   `source-is-target`, `cancelled`, and the errors of writing.
 */
export async function attentionGallery(input: GalleryInput): Promise<GalleryResult> {
  const { request, dataset, models, reference, control, folder } = input;
  const started = performance.now();
  const { manifest } = dataset;
  await checkModels(manifest, models, input.source);
  if (reference) await checkModels(manifest, [reference], null);
  const examples = readExamples(dataset, checkedIndices(request.indices, manifest.images));
  const { epsilon } = resolveAttack(request.attack).plan;
  const noisy = addNoise(examples, epsilon, request.seed);
  const common = reference ? await keyMaps(reference, examples, input) : null;
  const adversarial = await makeAdversarial(input, examples);

  const rows = Array.from(examples.indices, (index, row): Row => ({
    index,
    label: examples.labels[row] ?? 0,
    predictions: {},
    keyArea: {},
  }));
  const measures: KeyAreaMeasure[] = [];
  const atInput = request.methods.some((method) => findMapMethod(method).level === 'input');
  for (const [position, model] of models.entries()) {
    const layer = layerOf(model, request.layer);
    const images = adversarial[position] ?? examples.images;
    const see = (pixels: Float32Array): Promise<View> => view(model, pixels, examples, input);
    const views: Views = { clean: await see(examples.images), adversarial: await see(images), noise: await see(noisy) };
    const basis = common ?? keyBasis(model, layer, views.clean, input, examples);
    const areasAt = async (resolution: Resolution): Promise<readonly Uint8Array[]> => {
      const maps = await resizeMaps(basis.maps, basis.resolution, resolution);
      return rows.map((_, row) => topArea(mapRow(maps, row), request.topPercent));
    };
    const [height, width] = examples.shape;
    const areas = {
      layer: await areasAt(layerResolution(model, layer)),
      ...(atInput && { input: await areasAt([height, width]) }),
    };

    for (const method of request.methods) {
      const maps = mapsOf(views, method);
      const { level } = findMapMethod(method);
      const resolution = mapResolution(model, layer, method, examples.shape);
      const measured = measureMethod(maps, areas[level] ?? areas.layer, request.topPercent, request.seed);
      measures.push({ model: model.model.id, method, layer, resolution: [...resolution], ...measured.estimates });
      enterRows(rows, model.model.id, method, measured);
    }
    rows.forEach((row, at) => {
      row.predictions[model.model.id] = {
        clean: views.clean.predictions[at] ?? -1,
        adversarial: views.adversarial.predictions[at] ?? -1,
      };
    });
    await writeGalleryArrays(folder, model.model.id, {
      shape: examples.shape,
      images,
      views,
      resolution: layerResolution(model, layer),
      areas,
    });
    await control.checkpoint();
  }
  return {
    rows,
    measures,
    layer: commonLayer(models, request.layer),
    engine: input.engine,
    seconds: (performance.now() - started) / 1000,
  };
}

/** The layer that a request means in a model. @throws AppError `invalid-input` naming model and layers. */
function layerOf({ model, network }: EvaluatedModel, wanted: string): string {
  const names = network.taps.map((tap) => tap.name);
  const found = wanted === 'last' ? names.at(-1) : names.find((name) => name === wanted);
  if (found !== undefined) return found;
  throw new AppError(
    'invalid-input',
    `layer: ${model.name} (${model.architecture}) has no layer “${wanted}” to look at; it has ${names.join(', ') || 'none'}.`,
    { details: { field: 'layer', found: wanted, model: model.id } },
  );
}

function commonLayer(models: readonly EvaluatedModel[], wanted: string): string {
  const names = new Set(models.map((model) => layerOf(model, wanted)));
  const [only] = names;
  return names.size === 1 && only !== undefined ? only : wanted;
}

type Resolution = readonly [height: number, width: number];

function layerResolution({ network }: EvaluatedModel, layer: string): Resolution {
  const [height, width] = network.taps.find((tap) => tap.name === layer)?.shape ?? [0, 0];
  return [height, width];
}

function view(model: EvaluatedModel, pixels: Float32Array, examples: Examples, input: GalleryInput): Promise<View> {
  const { request, control } = input;
  const settings = {
    layer: layerOf(model, request.layer),
    methods: request.methods,
    settings: { ...request.mapSettings, activation: { exponent: request.exponent, ...request.mapSettings.activation } },
    target: request.target,
    batchSize: BATCH,
    seed: request.seed,
  };
  return viewOf(model, { ...examples, images: pixels }, settings, control);
}

/** Maps with their resolution. */
interface Basis {
  readonly maps: MapRows;
  readonly resolution: Resolution;
}

/** The clean maps that define the key area: those of the activation, else of the first method. */
function keyBasis(
  model: EvaluatedModel,
  layer: string,
  clean: View,
  { request: { methods } }: GalleryInput,
  { shape }: Examples,
): Basis {
  const method = methods.includes('activation') ? 'activation' : (methods[0] ?? 'activation');
  const maps = clean.maps[method];
  if (!maps) throw new AppError('invalid-input', 'methods: choose at least one kind of map.');
  return { maps, resolution: mapResolution(model, layer, method, shape) };
}

async function keyMaps(reference: EvaluatedModel, examples: Examples, input: GalleryInput): Promise<Basis> {
  const clean = await view(reference, examples.images, examples, input);
  return keyBasis(reference, layerOf(reference, input.request.layer), clean, input, examples);
}

function mapsOf(
  { clean, adversarial, noise }: Views,
  method: MapMethod,
): { readonly clean: MapRows; readonly adversarial: MapRows; readonly noise: MapRows } {
  const none: MapRows = { values: new Float32Array(), positions: 0 };
  return {
    clean: clean.maps[method] ?? none,
    adversarial: adversarial.maps[method] ?? none,
    noise: noise.maps[method] ?? none,
  };
}

function enterRows(rows: readonly Row[], model: string, method: MapMethod, measured: MethodMeasure): void {
  rows.forEach((row, at) => {
    const cell = { clean: measured.clean[at] ?? 0, adversarial: measured.adversarial[at] ?? 0 };
    row.keyArea[model] = { ...row.keyArea[model], [method]: cell };
  });
}

/** @throws AppError `invalid-input` for a position that the data set does not have. */
function checkedIndices(indices: readonly number[], images: number): Uint32Array {
  const wrong = indices.find((index) => index >= images);
  if (wrong !== undefined) {
    throw new AppError('invalid-input', `indices: the data set has images 0 to ${images - 1}; ${wrong} is not one.`, {
      details: { field: 'indices', found: wrong },
    });
  }
  return Uint32Array.from(indices);
}

/** x plus uniform noise of ±ε, cut to the ball and [0, 1]; from the stream (seed, 'noise', example). */
function addNoise({ images, indices, shape }: Examples, epsilon: number, seed: number): Float32Array {
  const size = imageSize(shape);
  const { lower, upper } = boundsOf(images, epsilon);
  const noisy = new Float32Array(images.length);
  indices.forEach((index, row) => stream(seed, 'noise', index).fillUniform(noisy, row * size, size, -epsilon, epsilon));
  return noisy.map((change, at) => Math.min(upper[at] ?? 0, Math.max(lower[at] ?? 0, (images[at] ?? 0) + change)));
}

/** x' for each model: made on itself, or once on the source. */
async function makeAdversarial(input: GalleryInput, examples: Examples): Promise<readonly Float32Array[]> {
  const { request, models, source, control } = input;
  const { plan, label } = resolveAttack(request.attack);
  const each = examples.labels.length * plan.restarts * workOf(plan);
  let done = 0;
  const options = (message: string, modelsLeft: number): AttackOptions => ({
    examples,
    plan,
    seed: request.seed,
    batchSize: BATCH,
    includeMisclassified: true,
    control,
    onWork: (gradients, left) => {
      done += gradients;
      control.progress({
        done,
        total: done + left + modelsLeft * each,
        unit: 'gradients',
        message: `${label} ${message}`,
      });
    },
  });
  if (source) {
    const outcomes = await attackTransfer(source, models, options(`from ${source.model.name}`, 0));
    return outcomes.map((outcome) => outcome.adversarial);
  }
  const made: Float32Array[] = [];
  for (const [position, model] of models.entries()) {
    const left = models.length - position - 1;
    const outcomes = await attackTransfer(model, [model], options(`on ${model.model.name}`, left));
    made.push(...outcomes.map((outcome) => outcome.adversarial));
  }
  return made;
}
