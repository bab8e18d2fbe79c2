import { computed } from 'vue';
import type { SettingField } from '../../shared/domain/settings.ts';
import { t } from '../i18n/index.ts';
import { useCatalogue } from '../stores/catalogue.ts';

/** Settings that a sweep can vary, by key: of the trainer, and of every architecture and defence. */
export function useSettingLabels() {
  const catalogue = useCatalogue();
  const fields = computed(() => {
    const all = [
      ...catalogue.trainer,
      ...catalogue.architectures.flatMap((entry) => entry.fields),
      ...catalogue.defences.flatMap((entry) => entry.fields),
    ];
    // Where several share a key, the first is the one that a training takes.
    return new Map<string, SettingField>(all.toReversed().map((field) => [field.key, field]));
  });
  const labelOf = (key: string): string =>
    key === 'architecture' || key === 'defence' ? t(`sweeps.form.axis.${key}`) : (fields.value.get(key)?.label ?? key);
  return { fields, labelOf };
}
