import { expect, it } from 'vitest';
import { describeSettings } from '../../shared/domain/settings.ts';
import { TRAINER_GROUPS, trainerSettings } from '../../shared/domain/training.ts';
import { defaultValues } from '../ui/form.ts';
import { isRelevant, trainerGroups } from './trainer-groups.ts';

const fields = describeSettings(trainerSettings);
const values = defaultValues(fields);

it('puts every setting of the trainer that means something into one group', () => {
  const grouped = trainerGroups(fields, values).flatMap((group) => group.fields.map(({ key }) => key));
  const relevant = fields.filter((field) => isRelevant(field, values)).map(({ key }) => key);
  expect(grouped.toSorted()).toEqual(relevant.toSorted());
  expect(trainerGroups(fields, values).map(({ key }) => key)).toEqual(TRAINER_GROUPS);
});

it('shows milestones with the step schedule and momentum with SGD alone', () => {
  const keys = (changed: object): readonly string[] =>
    trainerGroups(fields, { ...values, ...changed }).flatMap((group) => group.fields.map(({ key }) => key));
  expect(keys({})).not.toContain('milestones');
  expect(keys({ schedule: 'step' })).toEqual(expect.arrayContaining(['milestones', 'gamma']));
  expect(keys({})).not.toContain('momentum');
  expect(keys({ optimizer: 'sgd' })).toContain('momentum');
});

it('folds rare settings of common groups, and rare groups as a whole', () => {
  const groups = new Map(trainerGroups(fields, values).map((group) => [group.key, group]));
  expect(groups.get('length')?.fields.find(({ key }) => key === 'accumulation')?.advanced).toBe(true);
  expect(groups.get('measures')).toMatchObject({ common: false });
  expect(groups.get('measures')?.fields.some(({ advanced }) => advanced)).toBe(false);
});
