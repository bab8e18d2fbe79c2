import { describe, expect, it } from 'vitest';
import { importPlan } from '../../../shared/domain/import-plan.ts';
import { moveClass, orderClasses } from './class-order.ts';
import { classChoices, formOf, importProblems, planOf, type ImportForm } from './import-form.ts';
import { sought } from './sought.ts';
import { summaryOf } from './summaries.ts';

const source = { path: '/data/cats' };
const FOUND = [
  { name: 'b10', images: 3 },
  { name: 'b9', images: 5 },
  { name: 'a', images: 3 },
];

function form(change: Partial<ImportForm> = {}): ImportForm {
  return { ...formOf({ path: source.path }), classes: classChoices(FOUND, null), ...change };
}

describe('a plan', () => {
  it('comes back from its form as it was', () => {
    const plan = importPlan.parse({
      path: '/data',
      only: ['x.npz', 'y.npz'],
      name: 'cats',
      format: 'npz',
      attribution: 'me',
      size: [64, 48],
      fit: 'pad',
      padColour: '#102030',
      filter: 'area',
      colour: 'rgb',
      depth: 'f32',
      classes: [
        { from: 'b', name: 'bee' },
        { from: 'a', name: 'a' },
      ],
      splits: 'folds',
      validationShare: 0.15,
      testShare: 0.3,
      folds: 7,
      fold: 6,
      seed: 11,
      limitPerClass: 20,
      dropDuplicates: true,
      nearDuplicates: 0,
      masks: 'masks/{stem}.png',
      columns: { file: 'path', label: 'kind', split: 'part' },
      originals: 'copy',
    });
    const files = { path: '/data', only: ['x.npz', 'y.npz'] };
    expect(importPlan.parse(planOf(formOf(plan), files))).toEqual(plan);
  });

  it('of an untouched form is that of the path alone', () => {
    expect(importPlan.parse(planOf(form(), source))).toEqual(importPlan.parse(source));
  });

  it('takes a side that was left out from the other one', () => {
    expect(planOf(form({ width: 32 }), source).size).toEqual([32, 32]);
    expect(planOf(form({ height: 20 }), source).size).toEqual([20, 20]);
  });
});

describe('classes', () => {
  it('are planned only where they differ from the source: left out, renamed or moved', () => {
    const [first, second, third] = classChoices(FOUND, null);
    expect(planOf(form({ classes: [first!, { ...second!, taken: false }, third!] }), source).classes).toEqual([
      { from: 'b10', name: 'b10' },
      { from: 'a', name: 'a' },
    ]);
    expect(planOf(form({ classes: [first!, { ...second!, name: ' bee ' }, third!] }), source).classes?.[1]).toEqual({
      from: 'b9',
      name: 'bee',
    });
    expect(planOf(form({ classes: [third!, first!, second!] }), source).classes?.[0]?.from).toBe('a');
  });

  it('of an earlier plan keep their order and names; those that it left out, or did not know, come last', () => {
    const before = formOf({
      path: '/',
      classes: [
        { from: 'a', name: 'ay' },
        { from: 'gone', name: 'gone' },
        { from: 'b10', name: 'b10' },
      ],
    }).classes;
    expect(classChoices(FOUND, before).map(({ name, taken, images }) => [name, taken, images])).toEqual([
      ['ay', true, 3],
      ['b10', true, 3],
      ['b9', false, 5],
    ]);
  });

  it('are ordered by name with numbers as numbers, by size, and as the source has them', () => {
    const all = classChoices(FOUND, null);
    const names = (order: Parameters<typeof orderClasses>[1]) => orderClasses(all, order).map(({ from }) => from);
    expect(names('name')).toEqual(['a', 'b9', 'b10']);
    expect(names('count')).toEqual(['b9', 'b10', 'a']);
    expect(orderClasses(orderClasses(all, 'name'), 'source')).toEqual(all);
    expect(moveClass(all, 'a', 0).map(({ from }) => from)).toEqual(['a', 'b10', 'b9']);
    expect(moveClass(all, 'b10', 1).map(({ from }) => from)).toEqual(['b9', 'b10', 'a']);
  });
});

describe('the form', () => {
  it('has no problems as it comes', () => {
    expect(importProblems(form())).toEqual({});
  });

  it.each<[keyof ImportForm, Partial<ImportForm>]>([
    ['width', { width: 0 }],
    ['width', { width: 5000 }],
    ['height', { height: 2.5 }],
    ['padColour', { padColour: 'red' }],
    ['validation', { validation: 51 }],
    ['validation', { validation: null }],
    ['test', { splits: 'draw', test: Number.NaN }],
    ['folds', { splits: 'folds', folds: 1 }],
    ['fold', { splits: 'folds', folds: 5, fold: 6 }],
    ['seed', { seed: -1 }],
    ['limitPerClass', { limitPerClass: 0 }],
    ['nearDistance', { near: true, nearDistance: 17 }],
    ['masks', { masks: 'masks/mask.png' }],
    ['name', { name: 'n'.repeat(121) }],
  ])('says what is wrong with %s', (field, change) => {
    expect(Object.keys(importProblems(form(change)))).toEqual([field]);
  });

  it('asks for two classes at least, each with a name of its own', () => {
    const [first, second, third] = classChoices(FOUND, null);
    const out = { ...third!, taken: false };
    expect(importProblems(form({ classes: [first!, { ...second!, taken: false }, out] })).classes).toMatch(/two/);
    expect(importProblems(form({ classes: [first!, { ...second!, name: ' ' }, third!] })).classes).toMatch(/name/);
    expect(importProblems(form({ classes: [first!, { ...second!, name: 'b10' }, third!] })).classes).toMatch(/“b10”/);
    expect(importProblems(form({ classes: [first!, second!, { ...out, name: 'b10' }] }))).toEqual({});
  });

  it('says in a line what is chosen in a part that is folded', () => {
    expect(summaryOf('size', form(), null)).toBe('as it is');
    expect(summaryOf('size', form({ width: 64, fit: 'pad' }), null)).toBe('64×64 · Pad');
    const moved = classChoices(FOUND, null).toReversed();
    const classes = moved.map((entry, at) => (at === 0 ? { ...entry, name: 'x' } : { ...entry, taken: at === 1 }));
    expect(summaryOf('classes', form({ classes }), null)).toBe('2 of 3 · 1 renamed · reordered');
    expect(summaryOf('splits', form({ splits: 'folds', fold: 2 }), null)).toBe('fold 2 of 5 as test');
  });
});

it('files that are left out are sought by all words, in names and reasons', () => {
  const files = [
    { file: 'a/Broken.png', reason: 'does not decode' },
    { file: 'b/notes.txt', reason: 'is no image' },
  ];
  expect(sought(files, ' BROKEN decode ')).toEqual([files[0]]);
  expect(sought(files, 'broken image')).toEqual([]);
  expect(sought(files, ' ')).toEqual(files);
});
