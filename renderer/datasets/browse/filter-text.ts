import { parse, type LiqeQuery } from 'liqe';

/** A stretch of a filter's text, its end not included. */
interface Stretch {
  readonly start: number;
  readonly end: number;
}

interface Term extends Stretch {
  readonly field: string;
  readonly values: readonly string[];
}

/** Where a filter's text cannot be read, as an offset into it; null if it can. */
export function faultOf(text: string): number | null {
  try {
    parse(text);
    return null;
  } catch (thrown) {
    const offset: unknown = thrown instanceof Error && 'offset' in thrown ? thrown.offset : null;
    return typeof offset === 'number' ? offset : text.length;
  }
}

/** The values that a filter asks of a field by a term of its own: of `class:iris split:test` and `class` it is `iris`. */
export function valuesOf(text: string, field: string): readonly string[] {
  return termsOf(text).find((term) => term.field === field)?.values ?? [];
}

/**
 * The filter's text with exactly these values asked of a field, and everything else as it was. A text that cannot be read
 * is replaced.
 */
export function withValues(text: string, field: string, values: readonly string[]): string {
  const readable = faultOf(text) === null;
  const wanted = termText(field, values);
  const old = readable ? termsOf(text).find((term) => term.field === field) : undefined;
  if (!readable) return wanted;
  if (!old) return [andReady(text.trim(), wanted !== ''), wanted].filter((part) => part !== '').join(' ');
  const before = text.slice(0, old.start);
  const after = text.slice(old.end);
  if (wanted !== '') return before + wanted + after;
  return withoutConnective(before.trim(), after.trim());
}

/** A field's values as a term: `split:test`, `(class:iris OR class:"dog rose")`; empty without values. */
export function termText(field: string, values: readonly string[]): string {
  const terms = values.map((value) => `${field}:${quoted(value)}`);
  return terms.length > 1 ? `(${terms.join(' OR ')})` : (terms[0] ?? '');
}

/** A value as it has to be written in a filter: in quotes where it would be read otherwise. */
export function quoted(value: string): string {
  const word = /^[\p{L}\d_][\p{L}\d_.-]*$/u.test(value) && !/^(and|or|not|true|false|null|to)$/i.test(value);
  // `007` and `1.0` would be read as numbers and lose their zeros.
  if (word && (Number.isNaN(Number(value)) || String(Number(value)) === value)) return value;
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** A text that ORs at its top goes into parentheses before something is joined to it. */
function andReady(text: string, joined: boolean): string {
  if (text === '' || !joined) return text;
  const query = parse(text);
  return query.type === 'LogicalExpression' && query.operator.operator === 'OR' ? `(${text})` : text;
}

function withoutConnective(before: string, after: string): string {
  const left = before.replace(/\s+AND$/i, '').replace(/^AND$/i, '');
  const right = after.replace(/^AND(\s+|$)/i, '');
  return [left, right].filter((part) => part !== '').join(' ');
}

/** The terms joined by AND at the top of a filter that ask values of one field. */
function termsOf(text: string): readonly Term[] {
  let query: LiqeQuery;
  try {
    query = parse(text);
  } catch {
    return [];
  }
  return conjuncts(query).flatMap((part) => {
    const term = simpleTerm(part);
    return term ? [{ ...term, ...reach(part, text) }] : [];
  });
}

function conjuncts(query: LiqeQuery): readonly LiqeQuery[] {
  if (query.type !== 'LogicalExpression' || query.operator.operator === 'OR') return [query];
  return [...conjuncts(query.left), ...conjuncts(query.right)];
}

function simpleTerm(query: LiqeQuery): { readonly field: string; readonly values: readonly string[] } | null {
  if (query.type === 'Tag') {
    const { field, expression, operator } = query;
    if (field.type !== 'Field' || expression.type !== 'LiteralExpression' || operator?.operator !== ':') return null;
    return { field: field.name, values: [String(expression.value)] };
  }
  if (query.type !== 'ParenthesizedExpression') return null;
  const values: string[] = [];
  const fields = new Set<string>();
  const collect = (part: LiqeQuery): boolean => {
    if (part.type === 'LogicalExpression' && part.operator.operator === 'OR')
      return collect(part.left) && collect(part.right);
    const term = part.type === 'Tag' ? simpleTerm(part) : null;
    if (!term) return false;
    fields.add(term.field);
    values.push(...term.values);
    return true;
  };
  const [field, ...others] = collect(query.expression) ? fields : [];
  return field !== undefined && others.length === 0 ? { field, values } : null;
}

/** Where a term lies; the parser leaves some ends out, and a quoted value's own end is the surest. */
function reach(query: LiqeQuery, text: string): Stretch {
  const { start, end } = query.location as { readonly start: number; readonly end?: number };
  return { start, end: end ?? text.length };
}
