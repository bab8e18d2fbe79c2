import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { describeSettings, type SettingField } from '../../shared/domain/settings.ts';
import { trainerSettings } from '../../shared/domain/training.ts';
import { defaultValues, fieldProblem, fieldStep, formatInput, formProblems, parseNumber, parseSeeds } from './form.ts';

const field = (part: Partial<SettingField>): SettingField => ({
  key: 'a',
  label: 'A',
  type: 'number',
  default: 1,
  nullable: false,
  ...part,
});

describe('parseNumber', () => {
  it.each([
    ['0.25', 0.25],
    ['0,25', 0.25],
    [' 8/255 ', 8 / 255],
    ['1e-3', 0.001],
    ['-4', -4],
  ])('reads %s', (text, value) => expect(parseNumber(text)).toBeCloseTo(value, 12));

  it('tells an empty field from one that holds no number', () => {
    expect(parseNumber('  ')).toBeNull();
    for (const text of ['abc', '8/', '/255', '1/2/3', '0x']) expect(parseNumber(text)).toBeNaN();
  });

  it('is undone by formatInput', () => {
    for (const value of [0.002, 1e-7, 70_000, -1.5]) expect(parseNumber(formatInput(value))).toBe(value);
    expect(formatInput(null)).toBe('');
  });
});

describe('fieldProblem', () => {
  it('names what is wrong with a number', () => {
    expect(fieldProblem(field({ minimum: 0 }), -1)).toContain('at least 0');
    expect(fieldProblem(field({ maximum: 1 }), 1.5)).toContain('at most 1');
    expect(fieldProblem(field({ type: 'integer' }), 1.5)).toContain('whole');
    expect(fieldProblem(field({}), Number.NaN)).toContain('number');
    expect(fieldProblem(field({ minimum: 0, maximum: 1 }), 0.25)).toBeNull();
  });

  it('lets only nullable fields be empty', () => {
    expect(fieldProblem(field({}), null)).not.toBeNull();
    expect(fieldProblem(field({ nullable: true }), null)).toBeNull();
    expect(fieldProblem(field({ type: 'list' }), [])).not.toBeNull();
  });

  it('accepts every default of the trainer, and refuses what its schema refuses', () => {
    const fields = describeSettings(trainerSettings);
    expect(fields.length).toBeGreaterThan(8);
    expect(formProblems(fields, defaultValues(fields))).toEqual({});
    const bad = { ...defaultValues(fields), epochs: 0, batchSize: 2.5, epsilonWarmup: 2 };
    expect(trainerSettings.safeParse(bad).success).toBe(false);
    expect(Object.keys(formProblems(fields, bad)).sort()).toEqual(['batchSize', 'epochs', 'epsilonWarmup']);
  });
});

it('steps in tens of the default', () => {
  expect(fieldStep(field({ default: 0.25 }))).toBeCloseTo(0.01);
  expect(fieldStep(field({ default: 0.002 }))).toBeCloseTo(0.0001);
  expect(fieldStep(field({ type: 'integer', default: 64 }))).toBe(1);
});

describe('parseSeeds', () => {
  it.each([
    ['0', [0]],
    ['0, 1 2', [0, 1, 2]],
    ['3-6', [3, 4, 5, 6]],
    ['0-2, 2, 9', [0, 1, 2, 9]],
  ])('reads %s', (text, seeds) => expect(parseSeeds(text)).toEqual(seeds));

  it.each(['', 'a', '1.5', '-1', '5-3', '0-99999'])('refuses %j', (text) => expect(parseSeeds(text)).toBeNull());
});

it('describes a schema as fields with label, unit, range and choices', () => {
  const [epsilon, kind] = describeSettings(
    z.strictObject({
      epsilon: z.number().min(0).max(1).default(0.25).meta({ label: 'ε', unit: 'of 1' }),
      kind: z.enum(['a', 'b']).default('a').meta({ label: 'Kind' }),
    }),
  );
  expect(epsilon).toMatchObject({ label: 'ε', unit: 'of 1', type: 'number', minimum: 0, maximum: 1, default: 0.25 });
  expect(kind).toMatchObject({ type: 'choice', choices: ['a', 'b'] });
});
