import type { ImportPlan } from '../../../shared/domain/import-plan.ts';
import { t } from '../../i18n/index.ts';
import { formatCount, formatPercent } from '../../ui/format.ts';

type Line = readonly [name: string, value: string];

/** What an import's plan says, one line for each choice that mattered. */
export function planLines(plan: ImportPlan): readonly Line[] {
  const size = plan.size
    ? `${plan.size[0]}×${plan.size[1]}, ${t(`browse.plan.fits.${plan.fit}`)}, ${plan.filter}`
    : t('browse.plan.sizeKept');
  return [
    [t('browse.plan.path'), plan.path],
    ...(plan.only ? [[t('browse.plan.only'), plan.only.join(', ')] as const] : []),
    [t('browse.plan.size'), size],
    ...(plan.size && plan.fit === 'pad' ? [[t('browse.plan.padColour'), plan.padColour] as const] : []),
    [t('browse.plan.colour'), t(`browse.plan.colours.${plan.colour}`)],
    [t('browse.plan.depth'), t(`browse.plan.depths.${plan.depth}`)],
    [t('browse.plan.splits'), splitLine(plan)],
    [t('browse.plan.seed'), String(plan.seed)],
    ...(plan.classes ? [[t('browse.plan.classes'), plan.classes.map(({ name }) => name).join(', ')] as const] : []),
    ...(plan.limitPerClass === null ? [] : [[t('browse.plan.limit'), formatCount(plan.limitPerClass)] as const]),
    [t('browse.plan.duplicates'), t(plan.dropDuplicates ? 'browse.plan.dropped' : 'browse.plan.listed')],
    ...(plan.masks === null ? [] : [[t('browse.plan.masks'), plan.masks] as const]),
    [t('browse.plan.originals'), t(`browse.plan.originalsKept.${plan.originals}`)],
  ];
}

function splitLine(plan: ImportPlan): string {
  if (plan.splits === 'folds') return t('browse.plan.fold', { fold: plan.fold + 1, folds: plan.folds });
  const shares = { validation: formatPercent(plan.validationShare, 0), test: formatPercent(plan.testShare, 0) };
  return t(plan.splits === 'draw' ? 'browse.plan.drawn' : 'browse.plan.given', shares);
}
