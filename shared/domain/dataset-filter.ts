import { EXCLUDED } from './dataset.ts';
import { FilterProblem, type Comparison, type FilterTerm, type FilterTree } from './filter-tree.ts';
import { SPLITS } from './shape.ts';

/** Numbers of an image that a filter and an order can go by. */
export const ITEM_NUMBERS = ['width', 'height', 'brightness', 'contrast'] as const;
export type ItemNumber = (typeof ITEM_NUMBERS)[number];

/** A further column: numbers (NaN: none), or text in lower case (null: none). */
export type FilterColumn =
  | { readonly type: 'number'; readonly values: Float64Array }
  | { readonly type: 'text'; readonly values: readonly (string | null)[] };

/** What is known of consecutive images, one entry of each array for each of them. */
export interface FilterData {
  /** Position of the first one. */
  readonly first: number;
  readonly images: number;
  readonly classes: readonly string[];
  readonly labels: Uint16Array;
  /** Positions in SPLITS, or EXCLUDED. */
  readonly splits: Uint8Array;
  /** NaN: not known; null: not known of any image. */
  readonly numbers: (name: ItemNumber) => Float64Array | null;
  /** Names in lower case; null: not known. */
  readonly names: readonly string[] | null;
  /** Name and all columns in lower case, joined by line feeds; null: not known. */
  readonly texts: readonly string[] | null;
  readonly columns: ReadonlyMap<string, FilterColumn>;
  /** Null: no such model, or it has no predictions here. */
  readonly prediction: (model: string) => { readonly predicted: Uint16Array; readonly confidence: Float32Array } | null;
  /** Null: no such evaluation on this data set. `model` null: all its targets, broken if any of them was. */
  readonly evaluation: (id: string, model: string | null) => FilterAttack | null;
}

/** Outcome of an attack by position. */
export interface FilterAttack {
  /** 1: the image is among those of the evaluation. */
  readonly attacked: Uint8Array;
  readonly broken: Uint8Array;
  /** Smallest perturbation that broke it, in the attack's norm; NaN: none. */
  readonly distance: Float64Array;
}

/** Fields of the filter beside `column.…` and those of models and evaluations. */
export const FIELDS = [
  'class',
  'split',
  'name',
  'width',
  'height',
  'size',
  'brightness',
  'contrast',
  'position',
  'label',
  'excluded',
] as const;
/** Fields that name a model or an evaluation: `wrong.<id>`. */
export const MODEL_FIELDS = ['predicted', 'wrong', 'confidence'] as const;
export const EVALUATION_FIELDS = ['broken', 'attacked', 'distance'] as const;

type Mask = Uint8Array;

/**
 * Which images a filter takes: [images], 1 for those. Images that an edit took out are left out unless the filter speaks
 * of them (`split:excluded` or `excluded:…`).
 * @throws FilterProblem for unknown fields and values, saying what is possible.
 */
export function evaluateFilter(tree: FilterTree, data: FilterData): Mask {
  const mask = evaluate(tree, data);
  if (!mentionsExcluded(tree)) for (let i = 0; i < mask.length; i += 1) if (data.splits[i] === EXCLUDED) mask[i] = 0;
  return mask;
}

function mentionsExcluded(tree: FilterTree): boolean {
  switch (tree.kind) {
    case 'everything':
      return false;
    case 'term':
      return (
        tree.field === 'excluded' ||
        (tree.field === 'split' && tree.value.kind === 'text' && tree.value.text.toLowerCase() === 'excluded')
      );
    case 'not':
      return mentionsExcluded(tree.of);
    default:
      return tree.of.some(mentionsExcluded);
  }
}

function evaluate(tree: FilterTree, data: FilterData): Mask {
  switch (tree.kind) {
    case 'everything':
      return new Uint8Array(data.images).fill(1);
    case 'term':
      return evaluateTerm(tree, data);
    case 'not': {
      const mask = evaluate(tree.of, data);
      for (let i = 0; i < mask.length; i += 1) mask[i] = mask[i] === 1 ? 0 : 1;
      return mask;
    }
    default: {
      const [first, ...others] = tree.of.map((part) => evaluate(part, data));
      const mask = first ?? new Uint8Array(data.images).fill(1);
      for (const other of others) {
        if (tree.kind === 'and') for (let i = 0; i < mask.length; i += 1) mask[i] = (mask[i] ?? 0) & (other[i] ?? 0);
        else for (let i = 0; i < mask.length; i += 1) mask[i] = (mask[i] ?? 0) | (other[i] ?? 0);
      }
      return mask;
    }
  }
}

function evaluateTerm(term: FilterTerm, data: FilterData): Mask {
  const { field } = term;
  if (field === null) return textMask(term, required(data.texts, term), true);
  const dot = field.indexOf('.');
  if (dot > 0) return evaluateNamed(term, field.slice(0, dot), field.slice(dot + 1), data);
  switch (field) {
    case 'class':
      return choiceMask(data.labels, classTest(term, data.classes));
    case 'label':
      return numberMask(term, data.labels);
    case 'split':
      return choiceMask(data.splits, splitTest(term));
    case 'excluded':
      return flagMask(term, data.splits, (split) => split === EXCLUDED);
    case 'position':
      return numberMask(
        term,
        Uint32Array.from({ length: data.images }, (_, at) => data.first + at),
      );
    case 'name':
      return textMask(term, required(data.names, term), false);
    case 'size':
      return sizeMask(term, required(data.numbers('width'), term), required(data.numbers('height'), term));
    case 'width':
    case 'height':
    case 'brightness':
    case 'contrast':
      return numberMask(term, required(data.numbers(field), term));
    default:
      throw unknownField(term);
  }
}

function evaluateNamed(term: FilterTerm, family: string, rest: string, data: FilterData): Mask {
  switch (family) {
    case 'column':
      return columnMask(term, rest, data.columns);
    case 'predicted':
    case 'wrong':
    case 'confidence': {
      const made = atPlace(term, () => data.prediction(rest));
      if (!made) {
        throw new FilterProblem(`There are no predictions of ${rest} for this data set. Make them first.`, term.place);
      }
      const { predicted, confidence } = made;
      if (family === 'confidence') return numberMask(term, confidence);
      if (family === 'predicted') return choiceMask(predicted, classTest(term, data.classes));
      return flagMask(term, data.labels, (label, position) => label !== predicted[position]);
    }
    case 'broken':
    case 'attacked':
    case 'distance': {
      const [id = '', model = null] = rest.split('.');
      const attack = data.evaluation(id, model);
      if (!attack) {
        throw new FilterProblem(
          `There is no finished evaluation ${rest} on this data set; it may have been deleted.`,
          term.place,
        );
      }
      if (family === 'distance') return numberMask(term, attack.distance);
      if (family === 'attacked') return flagMask(term, attack.attacked, (value) => value === 1);
      // What was never attacked neither stood nor broke.
      const mask = flagMask(term, attack.broken, (value) => value === 1);
      for (let i = 0; i < mask.length; i += 1) mask[i] = (mask[i] ?? 0) & (attack.attacked[i] ?? 0);
      return mask;
    }
    default:
      throw unknownField(term);
  }
}

/** Gives a problem that has no place that of the term. */
function atPlace<T>({ place }: FilterTerm, look: () => T): T {
  try {
    return look();
  } catch (thrown) {
    if (thrown instanceof FilterProblem && thrown.place === null) throw new FilterProblem(thrown.message, place);
    throw thrown;
  }
}

function unknownField({ field, place }: FilterTerm): FilterProblem {
  const families = [
    'column.NAME',
    ...MODEL_FIELDS.map((name) => `${name}.MODEL`),
    ...EVALUATION_FIELDS.map((name) => `${name}.EVALUATION`),
  ];
  return new FilterProblem(
    `There is no field “${field}”. There are ${[...FIELDS, ...families].join(', ')}; a word without a field is looked for in names and columns.`,
    place,
  );
}

function required<T>(known: T | null, { field, place }: FilterTerm): T {
  if (known !== null) return known;
  const what = field === null ? 'Names' : `“${field}”`;
  throw new FilterProblem(
    `${what} cannot be looked for: this data set was imported by an earlier version, which did not keep it. Import it again.`,
    place,
  );
}

function choiceMask(values: Uint8Array | Uint16Array, accepts: (value: number) => boolean): Mask {
  const accepted = new Uint8Array(65_536);
  for (let value = 0; value < accepted.length; value += 1) accepted[value] = accepts(value) ? 1 : 0;
  const mask = new Uint8Array(values.length);
  for (let i = 0; i < mask.length; i += 1) mask[i] = accepted[values[i] ?? 0] ?? 0;
  return mask;
}

/** A class by its name, by a pattern of it, or by its number where no class has it for a name. */
function classTest(term: FilterTerm, classes: readonly string[]): (label: number) => boolean {
  const { text, pattern } = textOf(term);
  const names = classes.map((name) => name.toLowerCase());
  const exact = names.flatMap((name, label) => (name === text ? [label] : []));
  const taken = new Set(
    exact.length > 0 ? exact : names.flatMap((name, label) => (matches(name, text, pattern, true) ? [label] : [])),
  );
  const number = Number(text);
  if (taken.size === 0 && /^\d+$/.test(text) && number < classes.length) taken.add(number);
  if (taken.size === 0) {
    const some = classes.slice(0, 12).join(', ');
    throw new FilterProblem(
      `There is no class “${text}”. There are ${classes.length > 12 ? `${some} and ${classes.length - 12} more` : some}.`,
      term.place,
    );
  }
  return (label) => taken.has(label);
}

function splitTest(term: FilterTerm): (split: number) => boolean {
  const { text, pattern } = textOf(term);
  const wanted = text === 'val' ? 'validation' : text;
  const taken = [...SPLITS, 'excluded'].flatMap((name, at) =>
    matches(name, wanted, pattern, true) ? [name === 'excluded' ? EXCLUDED : at] : [],
  );
  if (taken.length > 0) return (split) => taken.includes(split);
  throw new FilterProblem(`There is no split “${text}”. There are ${SPLITS.join(', ')} and excluded.`, term.place);
}

function flagMask<T extends Uint8Array | Uint16Array>(
  term: FilterTerm,
  values: T,
  holds: (value: number, position: number) => boolean,
): Mask {
  const { text } = textOf(term);
  if (text !== 'true' && text !== 'false') {
    throw new FilterProblem(`“${term.field}” is true or false, not “${text}”.`, term.place);
  }
  const wanted = text === 'true';
  const mask = new Uint8Array(values.length);
  for (let i = 0; i < mask.length; i += 1) mask[i] = holds(values[i] ?? 0, i) === wanted ? 1 : 0;
  return mask;
}

type Numbers = Float64Array | Float32Array | Uint16Array | Uint32Array;

function numberMask(term: FilterTerm, values: Numbers): Mask {
  const { value, comparison, field, place } = term;
  const mask = new Uint8Array(values.length);
  if (value.kind === 'nothing') {
    for (let i = 0; i < mask.length; i += 1) mask[i] = Number.isNaN(values[i] ?? 0) ? 1 : 0;
    return mask;
  }
  if (value.kind === 'range') {
    const { low, high, withLow, withHigh } = value;
    for (let i = 0; i < mask.length; i += 1) {
      const found = values[i] ?? 0;
      mask[i] = (found > low || (withLow && found === low)) && (found < high || (withHigh && found === high)) ? 1 : 0;
    }
    return mask;
  }
  const wanted = value.text.trim() === '' ? Number.NaN : Number(value.text);
  if (Number.isNaN(wanted)) {
    throw new FilterProblem(
      `“${field}” is a number, not “${value.text}”: ${field}:<0.5, ${field}:>=2 or ${field}:[1 TO 3].`,
      place,
    );
  }
  // Values kept as float32 are compared with what a float32 makes of the number.
  const bound = values instanceof Float32Array ? Math.fround(wanted) : wanted;
  const holds = COMPARE[comparison];
  for (let i = 0; i < mask.length; i += 1) mask[i] = holds(values[i] ?? 0, bound) ? 1 : 0;
  return mask;
}

const COMPARE: Readonly<Record<Comparison, (found: number, bound: number) => boolean>> = {
  ':': (found, bound) => found === bound,
  ':=': (found, bound) => found === bound,
  ':<': (found, bound) => found < bound,
  ':<=': (found, bound) => found <= bound,
  ':>': (found, bound) => found > bound,
  ':>=': (found, bound) => found >= bound,
};

function sizeMask(term: FilterTerm, widths: Float64Array, heights: Float64Array): Mask {
  const { text } = textOf(term);
  const [, width, height] = /^(\d+)[x×](\d+)$/.exec(text)?.map(Number) ?? [];
  if (width === undefined || height === undefined) {
    throw new FilterProblem(`“size” is a width and a height, such as size:64x48, not “${text}”.`, term.place);
  }
  return Uint8Array.from(widths, (found, i) => (found === width && heights[i] === height ? 1 : 0));
}

function columnMask(term: FilterTerm, name: string, columns: ReadonlyMap<string, FilterColumn>): Mask {
  const column = columns.get(name);
  if (!column) {
    const names = [...columns.keys()];
    throw new FilterProblem(
      names.length === 0
        ? 'The images of this data set have no further columns.'
        : `There is no column “${name}”. There are ${names.slice(0, 20).join(', ')}.`,
      term.place,
    );
  }
  if (column.type === 'number') return numberMask(term, column.values);
  if (term.value.kind === 'nothing') return Uint8Array.from(column.values, (value) => (value === null ? 1 : 0));
  return textMask(term, column.values, false);
}

/**
 * Text is looked for anywhere in the values, in any case; with `*` or `?`, or after `:=`, the whole value has to agree.
 * @param lines whether a pattern may stand for any one line of a value.
 */
function textMask(term: FilterTerm, values: readonly (string | null)[], lines: boolean): Mask {
  const { text, pattern } = textOf(term);
  const whole = term.comparison === ':=';
  const mask = new Uint8Array(values.length);
  for (let i = 0; i < mask.length; i += 1) {
    const value = values[i] ?? null;
    if (value === null) continue;
    const found = lines && pattern ? anyLine(value, text) : matches(value, text, pattern, whole);
    if (found) mask[i] = 1;
  }
  return mask;
}

function textOf({ value, comparison, field, place }: FilterTerm): { readonly text: string; readonly pattern: boolean } {
  if (value.kind !== 'text' || (comparison !== ':' && comparison !== ':=')) {
    throw new FilterProblem(`“${field}” is no number and cannot be compared as one: write ${field}:value.`, place);
  }
  return { text: value.text.toLowerCase(), pattern: /[*?]/.test(value.text) };
}

function anyLine(value: string, pattern: string): boolean {
  for (let start = 0; ;) {
    const end = value.indexOf('\n', start);
    if (end < 0) return fitsPattern(start === 0 ? value : value.slice(start), pattern);
    if (fitsPattern(value.slice(start, end), pattern)) return true;
    start = end + 1;
  }
}

function matches(value: string, text: string, pattern: boolean, whole: boolean): boolean {
  if (pattern) return fitsPattern(value, text);
  return whole ? value === text : value.includes(text);
}

/** Whether the whole of `value` fits a pattern of characters, `?` (one character) and `*` (any number of them). */
export function fitsPattern(value: string, pattern: string): boolean {
  let at = 0;
  let next = 0;
  let star = -1;
  let resume = 0;
  while (at < value.length) {
    // A star in the value is no star of the pattern: it is looked at first.
    if (pattern[next] === '*') {
      star = next;
      next += 1;
      resume = at;
    } else if (next < pattern.length && (pattern[next] === '?' || pattern[next] === value[at])) {
      at += 1;
      next += 1;
    } else if (star >= 0) {
      resume += 1;
      at = resume;
      next = star + 1;
    } else return false;
  }
  while (pattern[next] === '*') next += 1;
  return next === pattern.length;
}
