import type { FilterTerms } from '../../../shared/domain/dataset-view.ts';
import { t, type MessageKey } from '../../i18n/index.ts';
import type { FilterField } from './completion.ts';

const HELP: Readonly<Record<string, MessageKey>> = {
  class: 'browse.fields.class',
  split: 'browse.fields.split',
  position: 'browse.fields.position',
  name: 'browse.fields.name',
  size: 'browse.fields.size',
  width: 'browse.fields.width',
  height: 'browse.fields.height',
  brightness: 'browse.fields.brightness',
  contrast: 'browse.fields.contrast',
  excluded: 'browse.fields.excluded',
};
const FLAG = ['true', 'false'];

/** Everything that a filter on a data set can name, with what each field means, for completion and help. */
export function filterFields(terms: FilterTerms, classes: readonly string[]): readonly FilterField[] {
  const own = [...terms.fields, ...terms.columns].map(({ name, type, values }) => {
    const key = HELP[name];
    return {
      name,
      help: key ? t(key) : t('browse.fields.column'),
      values: type === 'flag' && values.length === 0 ? FLAG : values,
      numeric: type === 'number',
    };
  });
  const models = terms.models.flatMap(({ id, name: model }) => [
    { name: `predicted.${id}`, help: t('browse.fields.predicted', { model }), values: classes, numeric: false },
    { name: `wrong.${id}`, help: t('browse.fields.wrong', { model }), values: FLAG, numeric: false },
    { name: `confidence.${id}`, help: t('browse.fields.confidence', { model }), values: [], numeric: true },
  ]);
  const evaluations = terms.evaluations.flatMap(({ id, name, models: targets }) => {
    // With one model attacked there is no need to say which.
    const owners =
      targets.length === 1
        ? [{ key: id, model: targets[0]?.name ?? '' }]
        : targets.map((target) => ({ key: `${id}.${target.id}`, model: target.name }));
    return owners.flatMap(({ key, model }) => [
      { name: `broken.${key}`, help: t('browse.fields.broken', { name, model }), values: FLAG, numeric: false },
      { name: `attacked.${key}`, help: t('browse.fields.attacked', { name, model }), values: FLAG, numeric: false },
      { name: `distance.${key}`, help: t('browse.fields.distance', { name, model }), values: [], numeric: true },
    ]);
  });
  return [...own, ...models, ...evaluations];
}

/** What images can be put in order by. */
export function sortKeys(terms: FilterTerms | null): readonly { readonly value: string; readonly label: string }[] {
  const own = (['position', 'class', 'split', 'brightness', 'contrast', 'width', 'height', 'name'] as const).map(
    (value) => ({ value, label: t(`browse.sorts.${value}`) }),
  );
  const columns = (terms?.columns ?? []).map(({ name }) => ({
    value: name.startsWith('column.') ? name : `column.${name}`,
    label: name.replace(/^column\./, ''),
  }));
  const models = (terms?.models ?? []).flatMap(({ id, name: model }) => [
    { value: `confidence.${id}`, label: t('browse.sorts.confidence', { model }) },
    { value: `predicted.${id}`, label: t('browse.sorts.predicted', { model }) },
  ]);
  return [...own, ...columns, ...models];
}
