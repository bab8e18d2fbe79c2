import { badData } from '../../arrays/byte-stream.ts';
import { readNumbers } from '../../arrays/stored.ts';
import type { StoredArray, StoredTexts } from '../../arrays/stored.ts';
import { NO_CLASS } from '../data-source.ts';
import { firstOfMostStrays } from './stray-labels.ts';

const MAX_LABEL = 65_535;

/** Labels as a file gives them. */
export interface RawLabels {
  readonly name: string;
  readonly values: readonly number[] | readonly string[];
  readonly note: string | null;
}

/** How numbers become classes. */
export interface LabelPolicy {
  /** Whether labels are positions of classes, all of which stay, because models know them by number. */
  readonly keepsNumbers: boolean;
  /** Names of classes that are numbered from 1, if the labels begin there. */
  readonly fromOne: boolean;
  /** Whether 10 stands for the digit 0, as SVHN has it. */
  readonly tenIsZero: boolean;
}

export interface Classified {
  readonly classes: readonly string[];
  /** Of each part, positions in `classes`, NO_CLASS for labels out of range. */
  readonly labels: readonly (readonly number[])[];
  readonly keepsClasses: boolean;
  readonly notes: readonly string[];
}

/**
 * Reads labels: numbers or texts [n], [n, 1] or [1, n], or a row of zeros and a one for each image [n, classes].
 * @throws AppError `bad-data` for another shape.
 */
export async function readLabels(array: StoredArray | StoredTexts, images: readonly number[]): Promise<RawLabels> {
  const { name, shape } = array;
  const long = shape.filter((extent) => extent !== 1);
  if (array.kind === 'texts') {
    if (long.length > 1) throw wrongShape(name, shape, images);
    return { name, values: await array.texts(), note: null };
  }
  const numbers = await readNumbers(array);
  if (long.length <= 1) return { name, values: numbers, note: null };
  const [rows = 0, columns = 0] = shape;
  const at = array.columnMajor
    ? (row: number, c: number) => c * rows + row
    : (row: number, c: number) => row * columns + c;
  const values: number[] = [];
  for (let row = 0; row < rows && shape.length === 2; row += 1) {
    const own = Array.from({ length: columns }, (_, c) => numbers[at(row, c)] ?? 0);
    if (own.filter((value) => value === 1).length !== 1 || own.filter((value) => value === 0).length !== columns - 1) {
      throw wrongShape(name, shape, images);
    }
    values.push(own.indexOf(1));
  }
  if (values.length === 0) throw wrongShape(name, shape, images);
  return {
    name,
    values,
    note: `${name} has a row of ${columns} numbers for each image: the place of its 1 is the class.`,
  };
}

/**
 * Classes and their positions for the labels of all parts of a set.
 * @throws AppError `bad-data` naming a label that is no whole number from 0 on, or has no class, if half of all are such,
 *   or if the classes may be numbered from 1.
 */
export function classify(
  parts: readonly RawLabels[],
  policy: LabelPolicy,
  known: { readonly names: readonly string[] | null; readonly count: number | null; readonly file: string },
): Classified {
  const texts = parts.flatMap(({ values }) => (isTexts(values) ? [values] : []));
  if (texts.length === parts.length) return named(texts);
  if (texts.length > 0) throw badData(known.file, 'has labels of numbers in one part and of text in another');
  const numbers = wholeNumbers(parts);
  const distinct = [...new Set(numbers.flatMap((own) => [...new Set(own)]))]
    .filter((label) => label !== NO_CLASS)
    .sort((a, b) => a - b);
  const [least = 0] = distinct;
  const largest = distinct.at(-1) ?? 0;
  if (policy.tenIsZero && least >= 1 && largest === 10) {
    const classes = Array.from({ length: 10 }, (_, digit) => String(digit));
    const labels = numbers.map((own) => own.map((label) => (label === NO_CLASS ? NO_CLASS : label % 10)));
    return { classes, labels, keepsClasses: true, notes: ['The label 10 stands for the digit 0.'] };
  }
  const count = known.names?.length ?? known.count;
  if (count !== null && (known.names !== null || policy.keepsNumbers)) {
    const shift = policy.fromOne && least >= 1 && largest <= count ? 1 : 0;
    const isClass = (label: number): boolean => label >= shift && label - shift < count;
    const fromOne = shift === 0 && least === 1 && distinct.includes(count);
    if (fromOne || firstOfMostStrays(numbers.flat(), isClass) >= 0) {
      throw badData(known.file, `has the label ${largest}, but only ${count} classes`);
    }
    const classes = known.names ?? Array.from({ length: count }, (_, label) => String(label));
    const labels = numbers.map((own) => own.map((label) => (isClass(label) ? label - shift : NO_CLASS)));
    return { classes, labels, keepsClasses: true, notes: [] };
  }
  if (policy.keepsNumbers) {
    const classes = Array.from({ length: largest + 1 }, (_, label) => String(label));
    return { classes, labels: numbers, keepsClasses: true, notes: [] };
  }
  const position = new Map(distinct.map((label, at) => [label, at]));
  const labels = numbers.map((own) => own.map((label) => position.get(label) ?? NO_CLASS));
  return { classes: distinct.map(String), labels, keepsClasses: false, notes: [] };
}

function named(parts: readonly (readonly string[])[]): Classified {
  const classes = [...new Set(parts.flatMap((own) => [...new Set(own)]))].sort();
  const position = new Map(classes.map((name, at) => [name, at]));
  const labels = parts.map((own) => own.map((label) => position.get(label) ?? 0));
  return { classes, labels, keepsClasses: false, notes: [] };
}

function isTexts(values: RawLabels['values']): values is readonly string[] {
  return typeof values[0] === 'string';
}

/** Labels of all parts, with NO_CLASS for what is none. */
function wholeNumbers(parts: readonly RawLabels[]): readonly (readonly number[])[] {
  const isLabel = (label: number): boolean => Number.isInteger(label) && label >= 0 && label <= MAX_LABEL;
  const values = parts.map((part) => part.values as readonly number[]);
  const all = values.flat();
  const wrong = firstOfMostStrays(all, isLabel);
  if (wrong < 0) return values.map((own) => own.map((label) => (isLabel(label) ? label : NO_CLASS)));
  const { name } = parts.find((part) => (part.values as readonly number[]).includes(all[wrong] ?? 0)) ?? { name: '' };
  throw badData(name, `has the label ${all[wrong]}, where whole numbers from 0 to ${MAX_LABEL} were expected`);
}

function wrongShape(name: string, shape: readonly number[], images: readonly number[]): Error {
  return badData(
    name,
    `has the shape [${shape.join(', ')}] beside images of [${images.join(', ')}], where one number for each image was expected`,
  );
}
