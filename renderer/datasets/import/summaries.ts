import type { ImportPreview } from '../../../shared/domain/dataset.ts';
import { t } from '../../i18n/index.ts';
import { formatCount } from '../../ui/format.ts';
import type { ImportForm } from './import-form.ts';

/** The parts of the form, in its order. */
export const SECTIONS = ['columns', 'classes', 'splits', 'size', 'pixels', 'choice', 'masks', 'keep'] as const;
export type SectionName = (typeof SECTIONS)[number];

/** The fields that each part holds. */
export const SECTION_FIELDS = {
  columns: ['columns'],
  classes: ['classes'],
  splits: ['validation', 'test', 'folds', 'fold', 'seed'],
  size: ['width', 'height', 'padColour'],
  pixels: [],
  choice: ['limitPerClass', 'nearDistance'],
  masks: ['masks'],
  keep: ['attribution'],
} as const satisfies Readonly<Record<SectionName, readonly (keyof ImportForm)[]>>;

function ofClasses({ classes }: ImportForm): readonly string[] {
  if (classes === null) return [t('datasetImport.summaries.classesUnknown')];
  const taken = classes.filter((entry) => entry.taken);
  const renamed = taken.filter(({ from, name }) => from !== name.trim()).length;
  const reordered = taken.some(({ place }, at) => place < (taken[at - 1]?.place ?? -1));
  return [
    taken.length === classes.length
      ? t('datasetImport.summaries.classesAll', { n: formatCount(classes.length) })
      : t('datasetImport.summaries.classesSome', {
          taken: formatCount(taken.length),
          n: formatCount(classes.length),
        }),
    ...(renamed > 0 ? [t('datasetImport.summaries.renamed', { n: formatCount(renamed) })] : []),
    ...(reordered ? [t('datasetImport.summaries.reordered')] : []),
  ];
}

function ofSplits({ splits, validation, test, folds, fold }: ImportForm): readonly string[] {
  switch (splits) {
    case 'given':
      return [t('datasetImport.summaries.given')];
    case 'draw':
      return [t('datasetImport.summaries.draw', { validation: validation ?? 0, test: test ?? 0 })];
    case 'folds':
      return [t('datasetImport.summaries.folds', { fold: fold ?? 1, folds: folds ?? 1 })];
  }
}

function ofSize({ width, height, fit }: ImportForm, preview: ImportPreview | null): readonly string[] {
  const own = width === null && height === null;
  if (own && !preview) return [t('datasetImport.size.own')];
  const [rows = 0, columns = 0] = preview?.shape ?? [];
  const side = own ? `${columns}×${rows}` : `${width ?? height ?? 0}×${height ?? width ?? 0}`;
  const mixed = !own || (preview?.sizes?.length ?? 0) > 1;
  return [side, ...(mixed ? [t(`datasetImport.size.fits.${fit}`)] : [])];
}

function ofChoice({ limitPerClass, dropDuplicates, near }: ImportForm): readonly string[] {
  const said = [
    ...(limitPerClass !== null ? [t('datasetImport.summaries.limit', { n: formatCount(limitPerClass) })] : []),
    ...(dropDuplicates ? [t('datasetImport.summaries.dropped')] : []),
    ...(near ? [t('datasetImport.summaries.near')] : []),
  ];
  return said.length > 0 ? said : [t('datasetImport.summaries.everything')];
}

/** One line of what is chosen in a part of the form, for when it is folded. */
export function summaryOf(section: SectionName, form: ImportForm, preview: ImportPreview | null): string {
  const parts = (): readonly string[] => {
    switch (section) {
      case 'columns':
        return [t('datasetImport.summaries.columns', { ...form.columns })];
      case 'classes':
        return ofClasses(form);
      case 'splits':
        return ofSplits(form);
      case 'size':
        return ofSize(form, preview);
      case 'pixels':
        return [
          ...new Set([
            t(`datasetImport.pixels.colours.${form.colour}`),
            t(`datasetImport.pixels.depths.${form.depth}`),
          ]),
        ];
      case 'choice':
        return ofChoice(form);
      case 'masks':
        return [form.masks.trim() === '' ? t('datasetImport.summaries.noMasks') : form.masks.trim()];
      case 'keep':
        return [
          t(`datasetImport.keep.kinds.${form.originals}`),
          ...(form.attribution.trim() === '' ? [] : [t('datasetImport.summaries.attribution')]),
        ];
    }
  };
  return parts().join(' · ');
}
