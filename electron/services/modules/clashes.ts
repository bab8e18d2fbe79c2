import type { ModuleRow } from '../../../shared/domain/module.ts';

/**
 * Modules whose names are all their own: of two files that use one name the first in the alphabet has it, and the other
 * adds nothing until it is changed.
 */
export function withoutClashes(rows: readonly ModuleRow[]): ModuleRow[] {
  const taken = new Map<string, string>();
  return rows.map((row) => {
    const names = namesOf(row);
    const clash = names.find((name) => taken.has(name));
    if (clash === undefined) {
      for (const name of names) taken.set(name, row.file);
      return row;
    }
    const fault = `The module ${row.file} has the ${clash}, which ${taken.get(clash)} has already. Choose another name, or take one of the files out of the folder.`;
    return { ...row, contents: { attacks: [], defences: [] }, fault };
  });
}

/** Families name random streams, so two modules may not share one either. */
function namesOf({ contents: { attacks, defences } }: ModuleRow): string[] {
  const names = [
    ...attacks.map(({ name }) => `attack “${name}”`),
    ...defences.map(({ name }) => `defence “${name}”`),
    ...attacks.flatMap(({ family }) => (family === null ? [] : `attack family “${family}”`)),
  ];
  return [...new Set(names)];
}
