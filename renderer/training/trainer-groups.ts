import type { SettingField, SettingValues } from '../../shared/domain/settings.ts';
import { TRAINER_GROUPS, type TrainerGroup } from '../../shared/domain/training.ts';

/** Settings that stand together in a form. */
export interface FieldGroup {
  readonly key: TrainerGroup;
  readonly fields: readonly SettingField[];
  /** Shown at once; the others are folded. */
  readonly common: boolean;
}

const COMMON: readonly TrainerGroup[] = ['length', 'optimizer', 'rate'];

/** Whether a setting means something beside the others. */
export function isRelevant(field: SettingField, values: SettingValues): boolean {
  return field.when === undefined || field.when.is.includes(values[field.when.key] ?? null);
}

/** The trainer's settings in their groups, without those that mean nothing beside the others. Folded groups show all they have. */
export function trainerGroups(fields: readonly SettingField[], values: SettingValues): readonly FieldGroup[] {
  return TRAINER_GROUPS.flatMap((key) => {
    const common = COMMON.includes(key);
    const own = fields
      .filter((field) => field.group === key && isRelevant(field, values))
      .map((field) => (common ? field : { ...field, advanced: false }));
    return own.length > 0 ? [{ key, fields: own, common }] : [];
  });
}
