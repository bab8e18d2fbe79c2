import { quoted } from './filter-text.ts';

/** A field that a filter may name, with what it may be asked for. */
export interface FilterField {
  readonly name: string;
  readonly help: string;
  /** Values that it takes; none for numbers and free text. */
  readonly values: readonly string[];
  /** Whether it is compared as a number: `brightness:<0.3`. */
  readonly numeric: boolean;
}

export interface Completion {
  /** What takes the place of the text between `from` and `to`. */
  readonly insert: string;
  readonly label: string;
  readonly help: string;
}

export interface Completions {
  readonly from: number;
  readonly to: number;
  readonly items: readonly Completion[];
}

const MOST = 40;

/** What could stand where the caret is: names of fields, or after a colon the values of the field. */
export function completionsAt(text: string, caret: number, fields: readonly FilterField[]): Completions {
  const from = wordStart(text, caret);
  const word = text.slice(from, caret);
  const colon = word.indexOf(':');
  if (colon < 0) return { from, to: caret, items: fieldItems(word, fields) };
  const field = fields.find(({ name }) => name === word.slice(0, colon));
  const typed = word.slice(colon + 1);
  return { from: from + colon + 1, to: caret, items: field ? valueItems(typed, field) : [] };
}

/** Where the word begins that ends at the caret: after a space or a parenthesis outside quotes, and after a leading minus. */
function wordStart(text: string, caret: number): number {
  let start = 0;
  let inQuotes = false;
  for (let at = 0; at < caret; at += 1) {
    const letter = text[at];
    if (letter === '"' && text[at - 1] !== '\\') inQuotes = !inQuotes;
    else if (!inQuotes && (letter === ' ' || letter === '(' || letter === ')')) start = at + 1;
  }
  return text[start] === '-' && start < caret ? start + 1 : start;
}

function fieldItems(word: string, fields: readonly FilterField[]): readonly Completion[] {
  const typed = word.toLowerCase();
  // Models and evaluations are known to people by their names, which the help has.
  return ranked(fields, typed, ({ name, help }) => (name.includes('.') ? `${name} ${help}` : name)).map(
    ({ name, help }) => ({
      insert: `${name}:`,
      label: `${name}:`,
      help,
    }),
  );
}

function valueItems(typed: string, field: FilterField): readonly Completion[] {
  if (field.numeric && field.values.length === 0) {
    return typed === '' ? ['>', '<', '>=', '<='].map((sign) => ({ insert: sign, label: sign, help: '' })) : [];
  }
  const wanted = typed.replace(/^"/, '').toLowerCase();
  return ranked(field.values, wanted, (value) => value)
    .filter((value) => value.toLowerCase() !== wanted || typed.startsWith('"'))
    .map((value) => ({ insert: `${quoted(value)} `, label: value, help: '' }));
}

/** Those that contain what was typed, those that begin with it first, otherwise in their own order. */
function ranked<T>(all: readonly T[], typed: string, textOf: (item: T) => string): readonly T[] {
  const begins = all.filter((item) => textOf(item).toLowerCase().startsWith(typed));
  const contains = all.filter((item) => textOf(item).toLowerCase().indexOf(typed) > 0);
  return [...begins, ...contains].slice(0, MOST);
}

/** The text and the caret after a completion was taken. */
export function complete(
  text: string,
  { from, to }: Completions,
  { insert }: Completion,
): { readonly text: string; readonly caret: number } {
  const rest = text.slice(to);
  const joined = insert.endsWith(' ') && rest.startsWith(' ') ? rest.slice(1) : rest;
  return { text: text.slice(0, from) + insert + joined, caret: from + insert.length };
}
