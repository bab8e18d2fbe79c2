import type { ImportPlan } from '../../../shared/domain/import-plan.ts';

type ClassPlan = NonNullable<ImportPlan['classes']>;

const PLAIN = /^[\w@%+:,./=-]+$/;

/** A word as a shell takes it; `windows` for its own rules, where a backslash is no escape. */
function quoted(word: string, windows: boolean): string {
  if (PLAIN.test(word)) return word;
  return windows ? `"${word.replaceAll('"', '""')}"` : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Classes as the command takes them; null if a name has a sign that it reads as its own. */
function classList(classes: ClassPlan): string | null {
  const bad = classes.some(({ from, name }) => /[=,]/.test(from) || name.includes(',') || from !== from.trim());
  return bad ? null : classes.map(({ from, name }) => (from === name ? from : `${from}=${name}`)).join(',');
}

/**
 * The command that imports the same: only what differs from the defaults is said.
 * @param usual a plan of the same path with all defaults.
 * @returns null for what a command alone cannot say: some files of a folder, class names with `,` or `=`.
 */
export function commandLine(plan: ImportPlan, usual: ImportPlan, windows: boolean): string | null {
  const classes = plan.classes && classList(plan.classes);
  if (plan.only || (plan.classes && classes === null)) return null;
  const options: readonly (readonly [flag: string, value: unknown, usual: unknown])[] = [
    ['--name', plan.name, usual.name],
    ['--format', plan.format, usual.format],
    ['--attribution', plan.attribution, usual.attribution],
    ['--size', plan.size?.join('x'), undefined],
    ['--fit', plan.fit, usual.fit],
    ['--pad-colour', plan.padColour, usual.padColour],
    ['--filter', plan.filter, usual.filter],
    ['--colour', plan.colour, usual.colour],
    ['--depth', plan.depth, usual.depth],
    ['--classes', classes ?? undefined, undefined],
    ['--splits', plan.splits, usual.splits],
    ['--validation-share', plan.validationShare, usual.validationShare],
    ['--test-share', plan.testShare, usual.testShare],
    ['--folds', plan.folds, usual.folds],
    ['--fold', plan.fold, usual.fold],
    ['--seed', plan.seed, usual.seed],
    ['--limit-per-class', plan.limitPerClass, usual.limitPerClass],
    ['--drop-duplicates', plan.dropDuplicates, usual.dropDuplicates],
    ['--near-duplicates', plan.nearDuplicates, usual.nearDuplicates],
    ['--masks', plan.masks, usual.masks],
    ['--file-column', plan.columns.file, usual.columns.file],
    ['--label-column', plan.columns.label, usual.columns.label],
    ['--split-column', plan.columns.split, usual.columns.split],
    ['--originals', plan.originals, usual.originals],
  ];
  const said = options
    .filter(([, value, other]) => value !== other)
    .map(([flag, value]) => (value === true ? flag : `${flag} ${quoted(String(value), windows)}`));
  return ['pairlight import', quoted(plan.path, windows), ...said].join(' ');
}
