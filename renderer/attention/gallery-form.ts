import type { ArchitectureEntry } from '../../shared/domain/catalogue.ts';
import type { EngineChoice } from '../../shared/domain/engine.ts';
import { MAP_METHODS, USUAL_MAPS, type GalleryRequestInput } from '../../shared/domain/gallery.ts';
import type { ModelSummary } from '../../shared/domain/model.ts';
import type { SettingValues } from '../../shared/domain/settings.ts';
import type { Split } from '../../shared/domain/shape.ts';
import { plainSettings } from '../evaluation/evaluation-form.ts';
import { MOST_ROWS, type ChoiceMode } from './example-choice.ts';

/** The new-gallery dialog while it is being filled in. */
export interface GalleryForm {
  name: string;
  dataset: string;
  models: readonly string[];
  mode: ChoiceMode;
  split: Split;
  positions: string;
  count: number | null;
  sampleSeed: number | null;
  perClass: number | null;
  methods: readonly string[];
  layer: string;
  exponent: number | null;
  target: 'true' | 'predicted';
  attack: string;
  settings: SettingValues;
  source: string | null;
  reference: string | null;
  topPercent: number | null;
  seed: number | null;
  engine: EngineChoice;
}

export function emptyGalleryForm(dataset: string): GalleryForm {
  return {
    name: '',
    dataset,
    models: [],
    mode: 'classes',
    split: 'test',
    positions: '',
    count: 12,
    sampleSeed: 0,
    perClass: 1,
    methods: [...USUAL_MAPS],
    layer: 'last',
    exponent: 2,
    target: 'true',
    attack: '',
    settings: {},
    source: null,
    reference: null,
    topPercent: 20,
    seed: 0,
    engine: 'auto',
  };
}

export type GalleryProblem =
  | 'no-models'
  | 'no-methods'
  | 'no-examples'
  | 'too-many-examples'
  | 'source-is-target'
  | 'top-percent'
  | 'exponent'
  | 'seed';

/** What keeps the form from being sent, apart from the attack's settings. `rows`: positions that its choice gives. */
export function galleryProblems(form: GalleryForm, rows: number): readonly GalleryProblem[] {
  const between = (value: number | null, low: number, high: number): boolean =>
    value !== null && value >= low && value <= high;
  const checks: readonly (readonly [GalleryProblem, boolean])[] = [
    ['no-models', form.models.length === 0],
    ['no-methods', form.methods.length === 0],
    ['no-examples', rows === 0],
    ['too-many-examples', rows > MOST_ROWS],
    ['source-is-target', form.source !== null && form.models.includes(form.source)],
    ['top-percent', !between(form.topPercent, 1, 90)],
    ['exponent', !between(form.exponent, 1, 8)],
    ['seed', form.seed === null || !Number.isInteger(form.seed) || form.seed < 0],
  ];
  return checks.filter(([, wrong]) => wrong).map(([problem]) => problem);
}

/** The request that a form without problems describes. */
export function galleryRequestOf(form: GalleryForm, indices: readonly number[]): GalleryRequestInput {
  const name = form.name.trim();
  return {
    ...(name !== '' && { name }),
    dataset: form.dataset,
    models: [...form.models],
    indices: [...indices],
    methods: MAP_METHODS.filter((method) => form.methods.includes(method)),
    layer: form.layer,
    exponent: form.exponent ?? 2,
    target: form.target,
    attack: { name: form.attack, settings: plainSettings(form.settings) },
    source: form.source,
    reference: form.reference,
    topPercent: form.topPercent ?? 20,
    seed: form.seed ?? 0,
    engine: form.engine,
  };
}

/** Layers that every chosen model has, in the order of the first one's architecture. */
export function commonLayers(
  models: readonly ModelSummary[],
  architectures: readonly ArchitectureEntry[],
): readonly string[] {
  const lists = models.map((model) => architectures.find((entry) => entry.name === model.architecture)?.layers ?? []);
  return (lists[0] ?? []).filter((layer) => lists.every((list) => list.includes(layer)));
}

/**
 * The model that serves best as the common reference for the key area: an undefended one of another seed than every model
 * compared, of one of their architectures if there is such; null if there is none, so that a reference that favours one
 * of the models compared is never taken unasked.
 */
export function usualReference(models: readonly ModelSummary[], compared: readonly string[]): string | null {
  const shown = models.filter((model) => compared.includes(model.id));
  const fit = models.filter(
    (model) =>
      model.defence === 'natural' &&
      model.seed !== null &&
      shown.every((other) => other.id !== model.id && other.seed !== model.seed),
  );
  const alike = fit.find((model) => shown.some((other) => other.architecture === model.architecture));
  return (alike ?? fit[0])?.id ?? null;
}
