import { LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import type { z } from 'zod';
import type { Catalogue } from '../../../shared/domain/catalogue.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { nearest } from '../../../shared/domain/nearest.ts';
import { SWEEP_KEYS, sweepFile, sweepParts } from '../../../shared/domain/sweep.ts';
import type { SweepFile, SweepParts } from '../../../shared/domain/sweep.ts';
import { parseInput } from '../inputs.ts';
import { vocabularyOf } from './settings.ts';

type Path = readonly PropertyKey[];

/** Something wrong in a file, at a place of its tree. */
interface Fault {
  readonly path: Path;
  readonly message: string;
}

/**
 * Reads a sweep's file.
 * @param file its name, for messages.
 * @throws AppError `bad-data` for what is no YAML, `invalid-input` that names line, column and what is wrong, an unknown
 *   key with the nearest valid one.
 */
export function readSweep(text: string, file: string, catalogue: Catalogue): SweepFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}, line ${line}, column ${col}`;
  };
  const [broken] = document.errors;
  if (broken) throw new AppError('bad-data', `${at(broken.pos[0])}: ${broken.message}`, { cause: broken });
  const parsed = sweepFile.safeParse(document.toJS());
  const faults = parsed.success ? unknownNames(parsed.data, catalogue) : parsed.error.issues.flatMap(faultsOf);
  if (parsed.success && faults.length === 0) return parsed.data;
  const [first] = faults;
  throw new AppError(
    'invalid-input',
    faults.map(({ path, message }) => `${at(offsetOf(document, path))}: ${message}`).join('\n'),
    { details: { file, field: first?.path.join('.') ?? '' } },
  );
}

/**
 * A file's content with a preset taken over: `base`, `grid`, `surrogates`, `evaluate`, `check` and `attention` key by key,
 * the rest as a whole. @throws AppError `invalid-input` for a preset that the file does not have.
 */
export function withPreset({ presets = {}, ...own }: SweepFile, preset: string | undefined): SweepParts {
  const { name: _name, dataset: _dataset, ...parts } = own;
  if (preset === undefined) return parts;
  const { dataset: _other, ...change } = presetOf(presets, preset);
  const { base, grid, surrogates, evaluate, check, attention } = change;
  const merged = {
    ...parts,
    ...change,
    ...((parts.base ?? base) && { base: { ...parts.base, ...base } }),
    ...((parts.grid ?? grid) && { grid: { ...parts.grid, ...grid } }),
    ...((parts.surrogates ?? surrogates) && { surrogates: { ...parts.surrogates, ...surrogates } }),
    ...(evaluate && { evaluate: { ...parts.evaluate, ...evaluate } }),
    ...(check && { check: { ...parts.check, ...check } }),
    ...(attention && { attention: { ...parts.attention, ...attention } }),
  };
  return parseInput(sweepParts, merged, `presets.${preset}`);
}

/** What a sweep of this file is called. */
export function sweepName({ name }: Pick<SweepFile, 'name'>, preset: string | undefined): string {
  return preset === undefined ? name : `${name} (${preset})`;
}

/** The data set that a file asks for with a preset. @throws AppError, as {@link withPreset}. */
export function datasetAsked({ dataset, presets = {} }: SweepFile, preset: string | undefined): SweepFile['dataset'] {
  return (preset === undefined ? undefined : presetOf(presets, preset).dataset) ?? dataset;
}

type Presets = NonNullable<SweepFile['presets']>;

function presetOf(presets: Presets, preset: string): Presets[string] {
  const found = presets[preset];
  if (found) return found;
  const names = Object.keys(presets).join(', ') || 'none';
  throw new AppError('invalid-input', `--preset: there is no “${preset}” in this file. It has: ${names}.`, {
    details: { field: 'preset' },
  });
}

/** An issue of the schema; each unknown key is one of its own, at its own place. */
function faultsOf(issue: z.core.$ZodIssue): Fault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknown('key', [...issue.path, key], key, keysAt(issue.path)));
  }
  if (issue.code === 'invalid_union') {
    // The variant that fits best says most: the one that found fault deepest inside.
    const [deepest] = issue.errors.toSorted((a, b) => depthOf(b) - depthOf(a));
    if (deepest && depthOf(deepest) > 0) {
      return deepest.flatMap((inner) => faultsOf({ ...inner, path: [...issue.path, ...inner.path] }));
    }
  }
  const field = issue.path.join('.');
  return [{ path: issue.path, message: field === '' ? issue.message : `${field}: ${issue.message}` }];
}

const depthOf = (issues: readonly z.core.$ZodIssue[]): number =>
  Math.max(0, ...issues.map(({ path, code }) => path.length + (code === 'unrecognized_keys' ? 1 : 0)));

function keysAt(path: Path): readonly string[] {
  const inside = path[0] === 'presets' ? path.slice(2) : path;
  const place = path[0] === 'presets' && inside.length === 0 ? 'preset' : inside.join('.');
  return SWEEP_KEYS[place] ?? [];
}

function unknown(what: string, path: Path, word: string, known: readonly string[]): Fault {
  const near = nearest(word, known);
  const advice = near === null ? (known.length > 0 ? ` Valid: ${known.join(', ')}.` : '') : ` Did you mean “${near}”?`;
  return { path, message: `unknown ${what} “${word}”.${advice}` };
}

/** Where settings stand. */
type Tables = Pick<SweepParts, 'base' | 'grid' | 'list' | 'surrogates'>;

/** Settings, architectures and defences that do not exist. */
function unknownNames(file: SweepFile, catalogue: Catalogue): Fault[] {
  const whole = [{ path: [] as Path, parts: file as Tables }];
  const presets = Object.entries(file.presets ?? {}).map(([name, parts]) => ({ path: ['presets', name], parts }));
  const tables = [...whole, ...presets].flatMap(({ path, parts: { base, grid, list, surrogates } }) => [
    ...(base ? [{ path: [...path, 'base'], table: base }] : []),
    ...(grid ? [{ path: [...path, 'grid'], table: grid }] : []),
    ...(list ?? []).map((table, row) => ({ path: [...path, 'list', row], table })),
    ...Object.entries(surrogates ?? {}).map(([name, table]) => ({ path: [...path, 'surrogates', name], table })),
  ]);
  const named = (key: string): { path: Path; word: string }[] =>
    tables.flatMap(({ path, table }) =>
      Object.entries(table)
        .filter(([own]) => own === key)
        .flatMap(([, value]) => (Array.isArray(value) ? (value as readonly unknown[]) : [value]))
        .map((value) => ({ path: [...path, key], word: String(value) })),
    );
  const architectures = named('architecture');
  const defences = named('defence');
  const faults = [
    ...missingIn('architecture', architectures, catalogue.architectures),
    ...missingIn('defence', defences, catalogue.defences),
  ];
  if (faults.length > 0) return faults;
  const words = vocabularyOf(
    catalogue,
    architectures.map(({ word }) => word),
    defences.map(({ word }) => word),
  );
  return tables.flatMap(({ path, table }) => {
    const known = path.includes('surrogates') ? [...words, 'seed'] : words;
    return Object.keys(table)
      .filter((key) => !known.includes(key))
      .map((key) => unknown('setting', [...path, key], key, known));
  });
}

function missingIn(
  what: string,
  named: readonly { readonly path: Path; readonly word: string }[],
  entries: readonly { readonly name: string }[],
): Fault[] {
  const known = entries.map(({ name }) => name);
  return named.filter(({ word }) => !known.includes(word)).map(({ path, word }) => unknown(what, path, word, known));
}

/** Where the node at a path begins, its key where it has one; the nearest one above it that is there. */
function offsetOf(document: Document.Parsed, path: Path): number {
  for (let length = path.length; length > 0; length -= 1) {
    const parent: unknown = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const offset = offsetIn(parent, path[length - 1]);
    if (offset !== null) return offset;
  }
  return document.contents?.range?.[0] ?? 0;
}

function offsetIn(parent: unknown, key: PropertyKey | undefined): number | null {
  const { items } = (parent ?? {}) as { readonly items?: readonly unknown[] };
  if (!items) return null;
  const item = typeof key === 'number' ? items[key] : items.find((one) => keyOf(one)?.value === key);
  const range = keyOf(item)?.range ?? (item as { readonly range?: readonly number[] } | undefined)?.range;
  return range?.[0] ?? null;
}

function keyOf(pair: unknown): { readonly value?: unknown; readonly range?: readonly number[] } | undefined {
  return (pair as { readonly key?: { readonly value?: unknown; readonly range?: readonly number[] } } | undefined)?.key;
}
