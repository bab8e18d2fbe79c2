import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EXCLUDED } from './dataset.ts';
import { evaluateFilter, fitsPattern, type FilterData } from './dataset-filter.ts';
import { FilterProblem, parseFilter } from './filter-tree.ts';

const names = ['IMG_001.png', 'IMG_002.png', 'roses/img_07 b.jpg', 'img_0007.png', 'deep/x.bmp', 'y.bmp'];
const brightness = [0.1, 0.2, 0.3, 0.4, 0.5, Number.NaN];
const photographers = ['Ada', 'Ada Lovelace', null, 'Grace', 'grace', 'Ada'];
const years = [1999, 2000, 2001, Number.NaN, 2003, 2004];
const data: FilterData = {
  first: 0,
  images: 6,
  classes: ['daisy', 'dog rose', '7'],
  labels: Uint16Array.from([0, 1, 2, 0, 1, 2]),
  splits: Uint8Array.from([0, 0, 1, 2, 2, EXCLUDED]),
  numbers: (name) =>
    Float64Array.from(
      name === 'brightness' ? brightness : name === 'width' ? [10, 20, 30, 40, 50, 60] : [5, 5, 5, 5, 5, 5],
    ),
  names: names.map((name) => name.toLowerCase()),
  texts: names.map((name, i) =>
    [name, photographers[i]]
      .filter((text) => text)
      .join('\n')
      .toLowerCase(),
  ),
  columns: new Map([
    ['photographer', { type: 'text', values: photographers.map((text) => text?.toLowerCase() ?? null) }],
    ['year', { type: 'number', values: Float64Array.from(years) }],
  ]),
  prediction: (model) =>
    model === 'run-abc12345'
      ? { predicted: Uint16Array.from([0, 0, 2, 1, 1, 2]), confidence: Float32Array.from([0.9, 0.4, 0.5, 0.3, 0.8, 1]) }
      : null,
  evaluation: (id, model) =>
    id === 'evaluation-abc12345' && model === null
      ? {
          attacked: Uint8Array.from([1, 1, 1, 0, 0, 0]),
          broken: Uint8Array.from([1, 0, 1, 0, 0, 0]),
          distance: Float64Array.from([0.2, Number.NaN, 0.1, Number.NaN, Number.NaN, Number.NaN]),
        }
      : null,
};
const taken = (text: string): number[] =>
  [...evaluateFilter(parseFilter(text), data)].flatMap((on, i) => (on ? [i] : []));
const problem = (text: string): FilterProblem => {
  try {
    taken(text);
  } catch (thrown) {
    if (thrown instanceof FilterProblem) return thrown;
    throw thrown;
  }
  throw new Error(`${text} was accepted`);
};

describe('a filter takes', () => {
  it.each([
    ['', [0, 1, 2, 3, 4]],
    ['class:daisy', [0, 3]],
    ['class:"dog rose"', [1, 4]],
    ['class:DAISY', [0, 3]],
    ['class:d*', [0, 1, 3, 4]],
    ['class:"dog r*"', [1, 4]],
    ['class:1', [1, 4]],
    ['class:7', [2]],
    ['label:>=1', [1, 2, 4]],
    ['split:test', [3, 4]],
    ['split:val', [2]],
    ['split:excluded', [5]],
    ['excluded:true', [5]],
    ['excluded:true OR excluded:false', [0, 1, 2, 3, 4, 5]],
    ['position:[1 TO 3]', [1, 2, 3]],
    ['position:{1 TO 3}', [2]],
    ['brightness:<0.3', [0, 1]],
    ['brightness:<=0.3', [0, 1, 2]],
    ['width:>=30 height:5', [2, 3, 4]],
    ['size:20x5', [1]],
    ['name:img_0', [0, 1, 2, 3]],
    ['name:*.bmp', [4]],
    ['name:img_00?.png', [0, 1]],
    ['name:"roses/img_07 b.jpg"', [2]],
    ['-name:*_0*', [4]],
    ['bmp', [4]],
    ['ada', [0, 1]],
    ['ada*', [0, 1]],
    ['column.photographer:ada', [0, 1]],
    ['column.photographer:=ada', [0]],
    ['column.photographer:null', [2]],
    ['column.year:2000', [1]],
    ['column.year:>2000', [2, 4]],
    ['column.year:null', [3]],
    ['predicted.run-abc12345:daisy', [0, 1]],
    ['wrong.run-abc12345:true', [1, 3]],
    ['wrong.run-abc12345:false', [0, 2, 4]],
    ['confidence.run-abc12345:0.9', [0]],
    ['confidence.run-abc12345:<0.5', [1, 3]],
    ['broken.evaluation-abc12345:true', [0, 2]],
    ['broken.evaluation-abc12345:false', [1]],
    ['attacked.evaluation-abc12345:false', [3, 4]],
    ['distance.evaluation-abc12345:<0.15', [2]],
    ['class:daisy AND split:test', [3]],
    ['class:daisy split:test OR class:7', [2, 3]],
    ['class:7 OR class:daisy split:test', [2, 3]],
    ['(class:7 OR class:daisy) split:test', [3]],
    ['NOT (class:daisy OR split:test)', [1, 2]],
  ])('%s', (text, expected) => expect(taken(text)).toEqual(expected));

  it('an AND before an OR, however they are mixed, as JavaScript does', () => {
    const atoms = ['class:daisy', 'split:test', 'width:>20', 'brightness:<0.4'] as const;
    const truths = new Map<string, number[]>(atoms.map((atom) => [atom, taken(atom)]));
    fc.assert(
      fc.property(
        fc.array(fc.record({ atom: fc.constantFrom(...atoms), not: fc.boolean(), or: fc.boolean() }), {
          minLength: 1,
          maxLength: 8,
        }),
        (parts) => {
          const text = parts
            .map(({ atom, not, or }, i) => `${i === 0 ? '' : or ? ' OR ' : ' '}${not ? '-' : ''}${atom}`)
            .join('');
          const truth = (i: number, atom: string): boolean => truths.get(atom)?.includes(i) ?? false;
          const expected = [0, 1, 2, 3, 4].filter((i) => {
            const groups: boolean[][] = [];
            for (const { atom, not, or } of parts) {
              if (or || groups.length === 0) groups.push([]);
              groups.at(-1)?.push(truth(i, atom) !== not);
            }
            return groups.some((group) => group.every(Boolean));
          });
          expect(taken(text)).toEqual(expected);
        },
      ),
    );
  });
});

describe('a filter that cannot be understood says where, and what is possible', () => {
  it.each([
    ['clas:daisy', /no field “clas”.*class, split/, [0, 10]],
    ['class:tulip', /no class “tulip”.*daisy, dog rose/, [0, 11]],
    ['split:test class:', /value is missing after “class:”/, [11, 17]],
    ['split:middle', /train, validation, test and excluded/, [0, 12]],
    ['brightness:dark', /“brightness” is a number, not “dark”/, [0, 15]],
    ['class:>3', /cannot be compared/, [0, 8]],
    ['wrong.run-abc12345:maybe', /true or false/, [0, 24]],
    ['wrong.run-zzz12345:true', /no predictions of run-zzz12345/, [0, 23]],
    ['broken.evaluation-zzz12345:true', /no finished evaluation/, [0, 31]],
    ['column.place:x', /no column “place”.*photographer, year/, [0, 14]],
    ['size:big', /such as size:64x48/, [0, 8]],
    ['name:/x/', /Regular expressions/, [5, 8]],
    ['name:a/b.png', /“\/” is not expected at character 7.*quotes/, [6, 7]],
    ['class:(daisy OR 7)', /Repeat the field/, [6, 7]],
    ['(class:daisy', /ends too early/, [12, 12]],
    ['class:daisy OR', /ends too early/, [14, 14]],
  ])('%s', (text, message, place) => {
    const { message: said, place: at } = problem(text);
    expect(said).toMatch(message);
    expect(at).toEqual(place);
  });
});

it('a pattern fits what the same regular expression fits, and takes no exponential time', () => {
  const text = fc.array(fc.constantFrom('a', 'b', '*', '?'), { maxLength: 8 }).map((signs) => signs.join(''));
  fc.assert(
    fc.property(text, text, (value, pattern) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '[^]*').replaceAll('?', '[^]')}$`);
      expect(fitsPattern(value, pattern)).toBe(expression.test(value));
    }),
    { numRuns: 2000 },
  );
  const started = process.cpuUsage();
  expect(fitsPattern('a'.repeat(20_000), `${'*a'.repeat(30)}*b`)).toBe(false);
  // Time of the processor in microseconds: other work on this machine is no fault of this one.
  expect(process.cpuUsage(started).user).toBeLessThan(500_000);
});
