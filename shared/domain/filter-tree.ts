import { parse } from 'liqe';
import type { ParserAst, TagToken } from 'liqe';

/** Where something stands in a filter's text: [start, end) in characters. */
export type Place = readonly [start: number, end: number];

/** What a condition compares with: text as written, or a range of numbers. */
export type FilterValue =
  | { readonly kind: 'text'; readonly text: string; readonly quoted: boolean }
  | { readonly kind: 'nothing' }
  | {
      readonly kind: 'range';
      readonly low: number;
      readonly high: number;
      readonly withLow: boolean;
      readonly withHigh: boolean;
    };

export type Comparison = ':' | ':=' | ':<' | ':<=' | ':>' | ':>=';

/** One condition. A bare word has no field. */
export interface FilterTerm {
  readonly kind: 'term';
  readonly field: string | null;
  readonly comparison: Comparison;
  readonly value: FilterValue;
  readonly place: Place;
}

export type FilterTree =
  | FilterTerm
  | { readonly kind: 'everything' }
  | { readonly kind: 'not'; readonly of: FilterTree }
  | { readonly kind: 'and' | 'or'; readonly of: readonly FilterTree[] };

/** A filter that cannot be understood: why, for a person, and where if it is one place. */
export class FilterProblem extends Error {
  readonly place: Place | null;

  constructor(message: string, place: Place | null) {
    super(message);
    this.place = place;
  }
}

const QUOTE_HINT = 'Put text with signs such as / : ( ) % in quotes: name:"a/b.png".';

/**
 * Parses a filter with the library liqe (Lucene's query language). AND, also where two conditions just stand side by
 * side, binds stronger than OR.
 * @throws FilterProblem.
 */
export function parseFilter(text: string): FilterTree {
  if (text.trim() === '') return { kind: 'everything' };
  return toTree(parsed(text), text);
}

function parsed(text: string): ParserAst {
  try {
    return parse(text);
  } catch (thrown) {
    const { offset } = thrown as { readonly offset?: unknown };
    if (typeof offset !== 'number') {
      throw new FilterProblem(
        `The filter ends too early: a condition, a quote or a closing parenthesis is missing. ${QUOTE_HINT}`,
        [text.length, text.length],
      );
    }
    const sign = text[offset] ?? '';
    const list = /:\(\s*$/.test(text.slice(0, offset + 1)) ? ' Repeat the field: (class:a OR class:b).' : '';
    throw new FilterProblem(
      `“${sign}” is not expected at character ${offset + 1}.${list === '' ? ` ${QUOTE_HINT}` : list}`,
      [offset, offset + 1],
    );
  }
}

function toTree(query: ParserAst, text: string): FilterTree {
  switch (query.type) {
    case 'EmptyExpression':
      return { kind: 'everything' };
    case 'ParenthesizedExpression':
      return toTree(query.expression, text);
    case 'UnaryOperator':
      return { kind: 'not', of: toTree(query.operand, text) };
    case 'Tag':
      return toTerm(query, text);
    case 'LogicalExpression': {
      // liqe joins strictly from the left; taken apart again, what OR separates are the groups.
      const reversed: (readonly [FilterTree, 'AND' | 'OR'])[] = [];
      let rest: ParserAst = query;
      while (rest.type === 'LogicalExpression') {
        reversed.push([toTree(rest.right, text), rest.operator.operator]);
        rest = rest.left;
      }
      const groups: FilterTree[][] = [[toTree(rest, text)]];
      for (const [operand, operator] of reversed.reverse()) {
        if (operator === 'OR') groups.push([operand]);
        else groups.at(-1)?.push(operand);
      }
      return joined(
        'or',
        groups.map((group) => joined('and', group)),
      );
    }
  }
}

function joined(kind: 'and' | 'or', of: readonly FilterTree[]): FilterTree {
  const [only] = of;
  return only && of.length === 1 ? only : { kind, of };
}

function toTerm(tag: TagToken, text: string): FilterTerm {
  const { expression, field } = tag;
  const place = placeOf(expression.location, text);
  const start = field.type === 'Field' ? field.location.start : place[0];
  const named = field.type === 'Field' ? field.name : null;
  // Implicit fields have no operator, whatever the type says.
  const comparison = field.type === 'Field' ? tag.operator.operator : ':';
  const term = { kind: 'term', field: named, comparison, place: [start, place[1]] } as const;
  switch (expression.type) {
    case 'LiteralExpression':
      if (!expression.quoted && expression.value === null && named !== null)
        return { ...term, value: { kind: 'nothing' } };
      // As it is written: the library makes 7 of 007.
      return {
        ...term,
        value: {
          kind: 'text',
          text: expression.quoted ? expression.value : text.slice(...place),
          quoted: expression.quoted,
        },
      };
    case 'RangeExpression': {
      const { min, max, minInclusive, maxInclusive } = expression.range;
      return {
        ...term,
        value: { kind: 'range', low: min, high: max, withLow: minInclusive, withHigh: maxInclusive },
      };
    }
    case 'RegexExpression':
      throw new FilterProblem(
        'Regular expressions are not searched for. Use * for any text and ? for one character: name:img_0?7*.',
        place,
      );
    case 'EmptyExpression':
      throw new FilterProblem(`A value is missing after “${text.slice(start, place[0])}”.`, [start, place[1]]);
  }
}

/** Some locations of the library have no end; then it is that of the text. */
function placeOf({ start, end }: { readonly start: number; readonly end?: number }, text: string): Place {
  return [start, end ?? text.length];
}

/** Every condition of a filter. */
export function termsOf(tree: FilterTree): FilterTerm[] {
  switch (tree.kind) {
    case 'everything':
      return [];
    case 'term':
      return [tree];
    case 'not':
      return termsOf(tree.of);
    default:
      return tree.of.flatMap(termsOf);
  }
}
