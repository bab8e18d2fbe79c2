import { z } from 'zod';
import { engineChoice, engineInfo } from './engine.ts';
import { attackSpec } from './evaluation.ts';
import { entityId } from './ids.ts';
import { settingValues } from './settings.ts';

/** Kinds of maps by name; what each is, the catalogue says. */
export const MAP_METHODS = [
  'activation',
  'grad-cam',
  'grad-cam-plus-plus',
  'hires-cam',
  'xgrad-cam',
  'layer-cam',
  'eigen-cam',
  'score-cam',
  'ablation-cam',
  'gradient',
  'gradient-input',
  'integrated-gradients',
  'smooth-grad',
  'guided-backpropagation',
  'occlusion',
  'rise',
] as const;
export const mapMethod = z.enum(MAP_METHODS);
export type MapMethod = z.infer<typeof mapMethod>;

/** What a gallery shows if nothing else is asked for. */
export const USUAL_MAPS = ['activation', 'grad-cam'] as const satisfies readonly MapMethod[];

const label = z.int().min(0);
/** What a map explains: the logit of a class, or the margin z_a − z_b between two. */
export const mapTarget = z.union([
  z.enum(['true', 'predicted']),
  z.strictObject({ class: label }),
  z.strictObject({ margin: z.tuple([label, label]).refine(([a, b]) => a !== b, 'must be two classes') }),
]);
export type MapTarget = z.infer<typeof mapTarget>;

/** Models of one gallery at most. */
export const GALLERY_MODELS = 16;

export const galleryRequest = z.strictObject({
  name: z.string().trim().max(120).optional(),
  dataset: entityId,
  models: z.array(entityId).min(1).max(GALLERY_MODELS),
  /** Positions in the data set, one row each. */
  indices: z.array(z.int().min(0)).min(1).max(512),
  methods: z
    .array(mapMethod)
    .min(1)
    .default([...USUAL_MAPS]),
  /** A layer name that every model has, or `last`: the last layer with a spatial extent. */
  layer: z.string().default('last'),
  /** Exponent q of the activation map Σ_c |A_c|^q, where `mapSettings` has none. */
  exponent: z.number().min(1).max(8).default(2),
  /** Settings of methods, where they are not their defaults. */
  mapSettings: z.partialRecord(mapMethod, settingValues).default({}),
  target: mapTarget.default('true'),
  /** White-box on each model; from the source if one is given. */
  attack: attackSpec.prefault({ name: 'pgd' }),
  source: entityId.nullable().default(null),
  /** Whose clean map defines the common key area; null: each model's own clean map. */
  reference: entityId.nullable().default(null),
  /** Share of the positions, in per cent, that make the key area. */
  topPercent: z.number().min(1).max(90).default(20),
  seed: z.int().min(0).default(0),
  engine: engineChoice.default('auto'),
});
export type GalleryRequest = z.infer<typeof galleryRequest>;
export type GalleryRequestInput = z.input<typeof galleryRequest>;

const estimate = z.object({ mean: z.number(), low: z.number(), high: z.number() });

/** Key-area measures of one model and method, means over examples with bootstrap 95 % intervals. */
export const keyAreaMeasure = z.object({
  model: entityId,
  method: mapMethod,
  layer: z.string(),
  /** Resolution of the map [height, width]. */
  resolution: z.tuple([z.int(), z.int()]),
  /** Mean of the L2-normalised map inside the key area, for x, x' and x plus random noise of the same ε. */
  clean: estimate,
  adversarial: estimate,
  noise: estimate,
  /** Ratio of x' to x, and of x' to the noise control; null if the other one's mean is 0: there is no ratio then. */
  ratioToClean: estimate.nullable(),
  ratioToNoise: estimate.nullable(),
  /** Intersection over union of the top areas of x and x'. */
  iou: estimate,
  cosine: estimate,
  /** Mean raw value inside the key area, comparable within one model only. */
  rawClean: z.number(),
  rawAdversarial: z.number(),
});
export type KeyAreaMeasure = z.infer<typeof keyAreaMeasure>;

/**
 * Arrays of a gallery lie beside it as NPY: for each model `<model>/images-adversarial` [n, H, W, C],
 * `<model>/map-<method>-clean|adversarial|noise` [n, h, w] (raw), `<model>/key-area` [n, h, w] (0 or 1) at the layer's
 * resolution, and `<model>/key-area-input` [n, H, W] at that of the images if there are maps of it.
 */
export const galleryResult = z.object({
  rows: z.array(
    z.object({
      index: z.int(),
      label: z.int(),
      /** By model id. */
      predictions: z.record(z.string(), z.object({ clean: z.int(), adversarial: z.int() })),
      /** Mean normalised map value in the key area, by model id then method. */
      keyArea: z.record(z.string(), z.record(z.string(), z.object({ clean: z.number(), adversarial: z.number() }))),
    }),
  ),
  measures: z.array(keyAreaMeasure),
  layer: z.string(),
  engine: engineInfo,
  seconds: z.number(),
});
export type GalleryResult = z.infer<typeof galleryResult>;
