import { z } from 'zod';
import { moduleHash } from './evaluation.ts';
import type { SettingField, SettingValues } from './settings.ts';

const field = z.custom<SettingField>();
const values = z.custom<SettingValues>();

/** What the registries hold, as data: forms, flags and documentation are views of it. */
export const catalogueEntry = z.object({
  name: z.string(),
  label: z.string(),
  /** One or two sentences: what it is and when to use it. */
  summary: z.string(),
  /** Paper it follows, with section or equation. */
  source: z.string(),
  fields: z.array(field),
  /** The file of the library's modules folder that it comes from; left out for what is built in. */
  module: z.object({ file: z.string(), hash: moduleHash }).optional(),
});
export type CatalogueEntry = z.infer<typeof catalogueEntry>;

export const architectureEntry = z.object({
  name: z.string(),
  label: z.string(),
  summary: z.string(),
  /** Paper it follows, with section or table. */
  source: z.string(),
  fields: z.array(field),
  /** What can be denoised and frozen as a whole, input to output; the head with the output comes after them. */
  stages: z.array(z.string()),
  /** Layers whose activations can be tapped for attention maps, input to output. */
  layers: z.array(z.string()),
});
export type ArchitectureEntry = z.infer<typeof architectureEntry>;

export const defenceEntry = catalogueEntry.extend({
  /** It makes adversarial examples while training. */
  adversarial: z.boolean(),
  /** The same with parts switched off, by other values of some settings: a run each, to see which part does the work. */
  ablations: z.array(z.object({ name: z.string(), label: z.string(), settings: values })),
  /** What to start from where that differs from the defaults; null where the defaults do. */
  recommended: z.object({ digits: values, photographs: values }).nullable(),
});
export type DefenceEntry = z.infer<typeof defenceEntry>;

export const attackEntry = catalogueEntry.extend({
  /** Its page of help: paragraphs of plain text, parted by empty lines. */
  help: z.string(),
  /** Its adversarial examples may be judged on other models, and shown in attention maps. */
  transfers: z.boolean(),
  /** It can lead to a class of choice. */
  targeted: z.boolean(),
  /** It looks for the smallest perturbation. */
  minimal: z.boolean(),
});
export type AttackEntry = z.infer<typeof attackEntry>;

export const mapEntry = catalogueEntry.extend({
  /** Whether its maps have the resolution of a layer or of the images. */
  level: z.enum(['layer', 'input']),
  /** Whether values below 0 mean something. */
  signed: z.boolean(),
  /** Whether it explains a class. */
  explains: z.boolean(),
});
export type MapEntry = z.infer<typeof mapEntry>;

/** A named set of attack settings: "PGD-40", "PGD-200 × 10". */
export const attackPreset = z.object({
  label: z.string(),
  attack: z.string(),
  settings: z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()])),
});

export const catalogue = z.object({
  architectures: z.array(architectureEntry),
  defences: z.array(defenceEntry),
  attacks: z.array(attackEntry),
  presets: z.array(attackPreset),
  trainer: z.array(field),
  maps: z.array(mapEntry),
});
export type Catalogue = z.infer<typeof catalogue>;
