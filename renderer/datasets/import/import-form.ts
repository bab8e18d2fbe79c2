import type { DatasetFormat } from '../../../shared/domain/dataset-format.ts';
import type { ImportPlan, ImportPlanInput } from '../../../shared/domain/import-plan.ts';
import { t } from '../../i18n/index.ts';
import type { ImportSource } from '../../stores/dialogs.ts';

/** A class of the source as the form has it. */
export interface ClassChoice {
  /** Its name and its place in the source. */
  readonly from: string;
  readonly place: number;
  /** Images of it in the source. */
  readonly images: number;
  readonly name: string;
  readonly taken: boolean;
}

/** An import plan as it is typed: numbers may be missing or wrong, and what is switched off keeps its value. */
export interface ImportForm {
  name: string;
  attribution: string;
  format: 'auto' | DatasetFormat;
  width: number | null;
  height: number | null;
  fit: ImportPlan['fit'];
  padColour: string;
  filter: ImportPlan['filter'];
  colour: ImportPlan['colour'];
  depth: ImportPlan['depth'];
  /** In the order of the data set; null until the source's classes are known. */
  classes: readonly ClassChoice[] | null;
  splits: ImportPlan['splits'];
  /** Shares in per cent. */
  validation: number | null;
  test: number | null;
  folds: number | null;
  /** From 1. */
  fold: number | null;
  seed: number | null;
  limitPerClass: number | null;
  dropDuplicates: boolean;
  near: boolean;
  nearDistance: number | null;
  masks: string;
  columns: { file: string; label: string; split: string };
  originals: ImportPlan['originals'];
}

export type FormProblems = Readonly<Partial<Record<keyof ImportForm, string>>>;

const USUAL_DISTANCE = 6;

/** The form of a plan; without one, of the defaults. */
export function formOf(plan: ImportPlanInput): ImportForm {
  const percent = (share: number): number => Number((100 * share).toPrecision(6));
  return {
    name: plan.name ?? '',
    attribution: plan.attribution ?? '',
    format: plan.format ?? 'auto',
    width: plan.size?.[0] ?? null,
    height: plan.size?.[1] ?? null,
    fit: plan.fit ?? 'crop',
    padColour: plan.padColour ?? '#000000',
    filter: plan.filter ?? 'lanczos3',
    colour: plan.colour ?? 'auto',
    depth: plan.depth ?? 'auto',
    classes: plan.classes?.map((entry, place) => ({ ...entry, place, images: 0, taken: true })) ?? null,
    splits: plan.splits ?? 'given',
    validation: percent(plan.validationShare ?? 0.1),
    test: percent(plan.testShare ?? 0.2),
    folds: plan.folds ?? 5,
    fold: (plan.fold ?? 0) + 1,
    seed: plan.seed ?? 0,
    limitPerClass: plan.limitPerClass ?? null,
    dropDuplicates: plan.dropDuplicates ?? false,
    near: plan.nearDuplicates != null,
    nearDistance: plan.nearDuplicates ?? USUAL_DISTANCE,
    masks: plan.masks ?? '',
    columns: {
      file: plan.columns?.file ?? 'file',
      label: plan.columns?.label ?? 'label',
      split: plan.columns?.split ?? 'split',
    },
    originals: plan.originals ?? 'none',
  };
}

/**
 * The classes of a source as choices: in its order and all taken, or as they were chosen before under the same names.
 * Classes that a choice does not know come last and are left out.
 */
export function classChoices(
  found: readonly { readonly name: string; readonly images: number }[],
  before: readonly ClassChoice[] | null,
): readonly ClassChoice[] {
  const all = found.map(({ name, images }, place) => ({ from: name, place, images, name, taken: before === null }));
  if (before === null) return all;
  const byName = new Map(all.map((entry) => [entry.from, entry]));
  const kept = before.flatMap(({ from, name, taken }) => {
    const entry = byName.get(from);
    return entry ? [{ ...entry, name, taken }] : [];
  });
  const known = new Set(kept.map(({ from }) => from));
  return [...kept, ...all.filter(({ from }) => !known.has(from))];
}

/** What is taken of the source's classes; null if that is all of them as they are. */
function classPlan(classes: readonly ClassChoice[] | null): ImportPlanInput['classes'] {
  if (
    classes === null ||
    classes.every((entry, at) => entry.taken && entry.name.trim() === entry.from && entry.place === at)
  )
    return null;
  return classes.filter((entry) => entry.taken).map(({ from, name }) => ({ from, name: name.trim() }));
}

const isWhole = (value: number | null, least: number, most: number): boolean =>
  value !== null && Number.isInteger(value) && value >= least && value <= most;

/** What is wrong with the form, by field, as a phrase that says what to do. */
export function importProblems(form: ImportForm): FormProblems {
  const found: Partial<Record<keyof ImportForm, string>> = {};
  const check = (field: keyof ImportForm, fine: boolean, problem: string): void => {
    if (!fine) found[field] = problem;
  };
  const between = (low: number, high: number): string => t('datasetImport.problems.between', { low, high });
  const share = (value: number | null): boolean => value !== null && value >= 0 && value <= 50;

  check('name', form.name.trim().length <= 120, t('datasetImport.problems.long'));
  check('width', form.width === null || isWhole(form.width, 1, 4096), between(1, 4096));
  check('height', form.height === null || isWhole(form.height, 1, 4096), between(1, 4096));
  check('padColour', /^#[0-9a-f]{6}$/i.test(form.padColour), t('datasetImport.problems.colour'));
  check('classes', classProblem(form.classes) === null, classProblem(form.classes) ?? '');
  if (form.splits === 'folds') {
    check('folds', isWhole(form.folds, 2, 100), between(2, 100));
    check('fold', isWhole(form.fold, 1, form.folds ?? 1), between(1, form.folds ?? 1));
  } else check('test', share(form.test), t('datasetImport.problems.share', { low: 0, high: 50 }));
  check('validation', share(form.validation), t('datasetImport.problems.share', { low: 0, high: 50 }));
  check('seed', isWhole(form.seed, 0, Number.MAX_SAFE_INTEGER), t('datasetImport.problems.whole'));
  check(
    'limitPerClass',
    form.limitPerClass === null || isWhole(form.limitPerClass, 1, Number.MAX_SAFE_INTEGER),
    t('datasetImport.problems.limit'),
  );
  check('nearDistance', !form.near || isWhole(form.nearDistance, 0, 16), between(0, 16));
  check('masks', form.masks.trim() === '' || /\{(stem|name)\}/.test(form.masks), t('datasetImport.problems.masks'));
  return found;
}

function classProblem(classes: readonly ClassChoice[] | null): string | null {
  const taken = classes?.filter((entry) => entry.taken).map(({ name }) => name.trim());
  if (!taken) return null;
  if (taken.length < 2) return t('datasetImport.problems.twoClasses');
  if (taken.includes('')) return t('datasetImport.problems.className');
  const twice = taken.find((name, at) => taken.indexOf(name) !== at);
  return twice === undefined ? null : t('datasetImport.problems.classTwice', { name: twice });
}

/** What the form asks for. Only for a form without problems. */
export function planOf(form: ImportForm, source: ImportSource): ImportPlanInput {
  const { width, height } = form;
  const name = form.name.trim();
  const attribution = form.attribution.trim();
  return {
    path: source.path,
    ...(source.only && { only: [...source.only] }),
    ...(name !== '' && { name }),
    ...(attribution !== '' && { attribution }),
    format: form.format,
    size: width === null && height === null ? null : [width ?? height ?? 1, height ?? width ?? 1],
    fit: form.fit,
    padColour: form.padColour,
    filter: form.filter,
    colour: form.colour,
    depth: form.depth,
    classes: classPlan(form.classes),
    splits: form.splits,
    validationShare: (form.validation ?? 0) / 100,
    testShare: (form.test ?? 0) / 100,
    folds: form.folds ?? 5,
    fold: (form.fold ?? 1) - 1,
    seed: form.seed ?? 0,
    limitPerClass: form.limitPerClass,
    dropDuplicates: form.dropDuplicates,
    nearDuplicates: form.near ? (form.nearDistance ?? USUAL_DISTANCE) : null,
    masks: form.masks.trim() === '' ? null : form.masks.trim(),
    columns: { ...form.columns },
    originals: form.originals,
  };
}
