import { z } from 'zod';
import { attackEntry, defenceEntry } from './catalogue.ts';
import { moduleHash, norm } from './evaluation.ts';
import { settingValues } from './settings.ts';

/** A module as a job host loads it: a copy of the file, which must still have the content that was pinned. */
export const moduleSource = z.strictObject({
  /** Name of the user's file, for messages: `my-attack.ts`. */
  file: z.string(),
  hash: moduleHash,
  /** Absolute path of the copy. */
  path: z.string(),
});
export type ModuleSource = z.infer<typeof moduleSource>;

const access = z.enum(['gradients', 'scores', 'decisions', 'nothing']);

/**
 * What an attack of a module comes to with certain settings. Only job hosts load modules: everything else works with
 * these facts, which a job host worked out.
 */
export const attackFacts = z.object({
  label: z.string(),
  /** Every default filled in, and what those come to that follow from others. */
  settings: settingValues,
  norm,
  epsilon: z.number(),
  restarts: z.int(),
  /** `PGD-200 × 10, ε 0.25`. */
  title: z.string(),
  weak: z.string().nullable(),
  notes: z.array(z.string()),
  family: z.object({
    name: z.string(),
    unit: z.enum(['gradients', 'queries']),
    minimal: z.boolean(),
    targeted: z.boolean(),
    transfers: z.boolean(),
    /** The bounds in words where the threat model is no ball. */
    threat: z.string().nullable(),
    /** What each of its parts needs of a model, and its work as below, where it is made of several attacks. */
    parts: z.array(z.object({ access, work: z.number() })).optional(),
  }),
  access,
  /** Units of work of one restart for one example. */
  work: z.number(),
  stopsAtSuccess: z.boolean(),
});
export type AttackFacts = z.infer<typeof attackFacts>;

/** What a module adds, as data. */
export const moduleContents = z.object({
  /** `family`: that of the default settings; null for a built-in one. */
  attacks: z.array(attackEntry.extend({ family: z.string().nullable() })),
  defences: z.array(defenceEntry),
});
export type ModuleContents = z.infer<typeof moduleContents>;

/** A file of the modules folder: what it adds, or why it adds nothing. */
export const moduleRow = z.object({
  file: z.string(),
  /** SHA-256 of its content; null where it could not be read. */
  hash: moduleHash.nullable(),
  contents: moduleContents,
  /** What is wrong and what to do; null for a module that works. */
  fault: z.string().nullable(),
});
export type ModuleRow = z.infer<typeof moduleRow>;

export const moduleOverview = z.object({
  /** Absolute path of the folder. */
  folder: z.string(),
  /** Whether this user lets the library's modules run. If not, none was run, and what they add is not known. */
  trusted: z.boolean(),
  modules: z.array(moduleRow),
});
export type ModuleOverview = z.infer<typeof moduleOverview>;

/** The beginning of a hash, enough to tell versions of a file apart by eye. */
export function shortHash(hash: string): string {
  return hash.slice(0, 8);
}
