import type { ClassChoice } from './import-form.ts';

export type ClassOrder = 'source' | 'name' | 'count';

/** The classes with one of them at another place. */
export function moveClass(classes: readonly ClassChoice[], from: string, to: number): readonly ClassChoice[] {
  const entry = classes.find((candidate) => candidate.from === from);
  return entry ? classes.filter((other) => other !== entry).toSpliced(to, 0, entry) : classes;
}

/** Classes in the order of the source, of their names (numbers within as numbers), or the largest first. */
export function orderClasses(classes: readonly ClassChoice[], order: ClassOrder): readonly ClassChoice[] {
  switch (order) {
    case 'source':
      return classes.toSorted((a, b) => a.place - b.place);
    case 'name':
      return classes.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
    case 'count':
      return classes.toSorted((a, b) => b.images - a.images || a.place - b.place);
  }
}
