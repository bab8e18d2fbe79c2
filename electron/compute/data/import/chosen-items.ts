import { AppError } from '../../../../shared/domain/errors.ts';
import type { ImportPlan } from '../../../../shared/domain/import-plan.ts';
import { stream } from '../../random/stream.ts';
import { NO_CLASS } from '../data-source.ts';
import type { DataSource } from '../data-source.ts';
import type { SplitItem } from '../splits.ts';
import { maskPath } from './masks.ts';

/** The images of a source that a plan takes. */
export interface ChosenItems {
  /** Items of the source, ascending. */
  readonly items: Uint32Array;
  /** Class of each in `classes`. */
  readonly labels: Uint16Array;
  readonly classes: readonly string[];
  /** What the source itself has: all its classes and how many images of each. */
  readonly found: readonly { readonly name: string; readonly images: number }[];
}

const MOST_CLASSES = 65_536;

/**
 * Classes and images by the plan: chosen classes in the plan's order, no more of each than the limit, drawn from the
 * seed, and without images of no class and files that are masks of others. Classes without an image are left out unless the source keeps
 * its numbering.
 * @throws AppError `invalid-input` for classes that the source does not have, `bad-data` for fewer than two.
 */
export function chooseItems(source: DataSource, plan: ImportPlan, path: string): ChosenItems {
  const taken = usable(source, plan);
  const counts = new Array<number>(source.classes.length).fill(0);
  for (const item of taken) {
    const label = source.items[item]?.label ?? 0;
    counts[label] = (counts[label] ?? 0) + 1;
  }
  const found = source.classes
    .map((name, label) => ({ name, images: counts[label] ?? 0 }))
    .filter(({ images }) => images > 0 || source.keepsClasses === true);
  const classes = plan.classes ? selected(source, plan.classes) : unselected(source, counts);
  const target = new Map(classes.map(({ from }, label) => [from, label]));
  const kept = limited(
    taken.filter((item) => target.has(source.items[item]?.label ?? 0)),
    (item) => source.items[item]?.label ?? 0,
    plan,
  );
  if (classes.length < 2 || kept.length === 0)
    throw tooFew(
      path,
      classes.map(({ name }) => name),
    );
  if (classes.length > MOST_CLASSES) {
    throw new AppError(
      'bad-data',
      `${path} has ${classes.length} classes; ${MOST_CLASSES} are the most that can be kept.`,
      {
        details: { file: path },
      },
    );
  }
  return {
    items: Uint32Array.from(kept),
    labels: Uint16Array.from(kept, (item) => target.get(source.items[item]?.label ?? 0) ?? 0),
    classes: classes.map(({ name }) => name),
    found,
  };
}

/** What the splits of chosen images depend on. */
export function itemsOf(source: DataSource, { items, labels }: ChosenItems): SplitItem[] {
  return Array.from(items, (item, at) => ({ label: labels[at] ?? 0, split: source.items[item]?.split ?? null }));
}

/** @returns AppError `bad-data`: nothing could be learnt or attacked. */
export function tooFew(path: string, classes: readonly string[]): AppError {
  const only = classes.length === 1 ? ` (${classes[0]})` : '';
  const noun = classes.length === 1 ? 'class' : 'classes';
  return new AppError(
    'bad-data',
    `${path} has ${classes.length} ${noun} of images${only}; a classifier needs at least two.`,
    { details: { file: path, classes: classes.length } },
  );
}

interface TakenClass {
  /** Label in the source. */
  readonly from: number;
  readonly name: string;
}

function selected(source: DataSource, wanted: NonNullable<ImportPlan['classes']>): TakenClass[] {
  const labelOf = new Map(source.classes.map((name, label) => [name, label]));
  const seen = { from: new Set<string>(), name: new Set<string>() };
  return wanted.map(({ from, name }) => {
    const label = labelOf.get(from);
    if (label === undefined) {
      const some = source.classes.slice(0, 20).join(', ');
      const more = source.classes.length > 20 ? ', …' : '';
      throw wrongClasses(`The source has no class ${from}. It has ${some}${more}.`);
    }
    if (seen.from.has(from)) throw wrongClasses(`The class ${from} is chosen twice.`);
    if (seen.name.has(name)) throw wrongClasses(`Two classes are called ${name}. Give each a name of its own.`);
    seen.from.add(from);
    seen.name.add(name);
    return { from: label, name };
  });
}

function wrongClasses(message: string): AppError {
  return new AppError('invalid-input', message, { details: { field: 'classes' } });
}

function unselected(source: DataSource, counts: readonly number[]): TakenClass[] {
  return source.classes
    .map((name, from) => ({ name, from }))
    .filter(({ from }) => source.keepsClasses === true || (counts[from] ?? 0) > 0);
}

function usable(source: DataSource, { masks }: ImportPlan): number[] {
  const all = source.items.flatMap(({ label }, item) => (label === NO_CLASS ? [] : [item]));
  if (masks === null) return all;
  const rule = masks;
  const areas = new Set(source.items.map(({ name }) => maskPath(rule, name)));
  return all.filter((item) => !areas.has(source.items[item]?.name ?? ''));
}

function limited(items: readonly number[], labelOf: (item: number) => number, plan: ImportPlan): number[] {
  const { limitPerClass: limit, seed } = plan;
  if (limit === null) return [...items];
  const byClass = new Map<number, number[]>();
  for (const item of items) {
    const label = labelOf(item);
    const list = byClass.get(label);
    if (list) list.push(item);
    else byClass.set(label, [item]);
  }
  const kept: number[] = [];
  for (const [label, list] of byClass) {
    if (list.length <= limit) for (const item of list) kept.push(item);
    else
      for (const pick of stream(seed, 'limit', label).permutation(list.length).subarray(0, limit))
        kept.push(list[pick] ?? 0);
  }
  return kept.sort((a, b) => a - b);
}
