import { expect, it } from 'vitest';
import { importPlan, type ImportPlanInput } from '../../../shared/domain/import-plan.ts';
import { commandLine } from './command-line.ts';

const said = (plan: ImportPlanInput, windows = false) =>
  commandLine(importPlan.parse(plan), importPlan.parse({ path: plan.path }), windows);

it('says only what differs from the defaults', () => {
  expect(said({ path: '/data/cats' })).toBe('pairlight import /data/cats');
  expect(said({ path: '/d', size: [64, 48], fit: 'pad', dropDuplicates: true, nearDuplicates: 0, fold: 2 })).toBe(
    'pairlight import /d --size 64x48 --fit pad --fold 2 --drop-duplicates --near-duplicates 0',
  );
});

it('names classes in their order, with new names', () => {
  const classes = [
    { from: 'daisy', name: 'ox-eye' },
    { from: 'rose', name: 'rose' },
  ];
  expect(said({ path: '/d', classes })).toBe('pairlight import /d --classes daisy=ox-eye,rose');
});

it('quotes what a shell would take apart', () => {
  expect(said({ path: "/my data/it's", name: '$HOME', masks: 'm/{stem}.png' })).toBe(
    "pairlight import '/my data/it'\\''s' --name '$HOME' --masks 'm/{stem}.png'",
  );
  expect(said({ path: 'C:\\my data' }, true)).toBe('pairlight import "C:\\my data"');
});

it('is none where a command cannot say it', () => {
  expect(said({ path: '/d', only: ['x.npy', 'y.npy'] })).toBeNull();
  expect(
    said({
      path: '/d',
      classes: [
        { from: 'a,b', name: 'ab' },
        { from: 'c', name: 'c' },
      ],
    }),
  ).toBeNull();
});
