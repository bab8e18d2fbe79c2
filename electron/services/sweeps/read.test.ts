import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { Catalogue } from '../../../shared/domain/catalogue.ts';
import { readCatalogue } from '../catalogue.ts';
import { expandSweep } from './expand.ts';
import { readSweep, withPreset } from './read.ts';

let catalogue: Catalogue;
beforeAll(async () => {
  catalogue = await readCatalogue();
});

const GOOD = `name: Try
dataset: MNIST sample
base:
  architecture: small-cnn
  epochs: 1
grid:
  defence: [natural, at]
evaluate:
  attacks: [fgsm]
presets:
  day:
    seeds: [0, 1]
`;

test.each([
  ['an unknown key', GOOD.replace('grid:', 'gird:'), 'line 6, column 1: unknown key “gird”. Did you mean “grid”?'],
  [
    'an unknown key of a preset',
    GOOD.replace('seeds', 'seed'),
    'line 12, column 5: unknown key “seed”. Did you mean “seeds”?',
  ],
  [
    'an unknown key of the evaluation',
    GOOD.replace('attacks', 'atacks'),
    'line 9, column 3: unknown key “atacks”. Did you mean “attacks”?',
  ],
  [
    'an unknown setting',
    GOOD.replace('epochs', 'epoch'),
    'line 5, column 3: unknown setting “epoch”. Did you mean “epochs”?',
  ],
  [
    'a setting of a defence that is not in the sweep',
    GOOD.replace('epochs', 'lambda'),
    'line 5, column 3: unknown setting “lambda”.',
  ],
  [
    'an unknown architecture',
    GOOD.replace('small-cnn', 'smal-cnn'),
    'line 4, column 3: unknown architecture “smal-cnn”. Did you mean “small-cnn”?',
  ],
  [
    'an unknown defence',
    GOOD.replace('at]', 'at-apl]'),
    'line 7, column 3: unknown defence “at-apl”. Did you mean “at-alp”?',
  ],
  [
    'an empty axis',
    GOOD.replace('[natural, at]', '[]'),
    'line 7, column 3: grid.defence: is an empty axis: give it a value, or leave it out',
  ],
  [
    'an unknown key of the attention',
    `${GOOD}attention: { reference: null, topPerCent: 20 }\n`,
    'line 13, column 31: unknown key “topPerCent”. Did you mean “topPercent”?',
  ],
  [
    'an unknown key of a preset’s data set',
    GOOD.replace('seeds: [0, 1]', 'dataset: { name: Large, sizes: [224, 224] }'),
    'line 12, column 29: unknown key “sizes”. Did you mean “size”?',
  ],
  ['no seeds', GOOD.replace('[0, 1]', '[]'), 'line 12, column 5: presets.day.seeds: is an empty axis'],
  ['no name', GOOD.replace('name: Try', ''), 'name: is missing'],
  [
    'no data set',
    GOOD.replace('dataset: MNIST sample', ''),
    'dataset: must be the name of a data set, or how it is imported, its name among it',
  ],
  ['a key that stands twice', `${GOOD}name: Again\n`, 'line 13, column 1: Map keys must be unique'],
  ['no YAML', GOOD.replace('[natural, at]', '[natural'), 'try.yaml, line '],
])('%s is refused with its place', (_, text, message) => {
  expect(() => readSweep(text, 'try.yaml', catalogue)).toThrow(message);
});

test('a good file is read as it stands', () => {
  expect(readSweep(GOOD, 'try.yaml', catalogue)).toEqual({
    name: 'Try',
    dataset: 'MNIST sample',
    base: { architecture: 'small-cnn', epochs: 1 },
    grid: { defence: ['natural', 'at'] },
    evaluate: { attacks: ['fgsm'] },
    presets: { day: { seeds: [0, 1] } },
  });
});

const studies = join(import.meta.dirname, '../../../studies');

/** Beside the studies stand what they gave, and what was published. */
const STUDIES = readdirSync(studies).filter((file) => file.endsWith('.yaml') && file !== 'published.yaml');

test.each(STUDIES)('the study %s and its presets are valid, and expand to trainings', (file) => {
  const study = readSweep(readFileSync(join(studies, file), 'utf8'), file, catalogue);
  const presets = study.presets ? Object.keys(study.presets) : [undefined];
  for (const preset of presets) {
    const { groups, surrogates } = expandSweep(withPreset(study, preset), catalogue);
    expect(groups.length).toBeGreaterThan(0);
    for (const { placed } of surrogates) expect(placed.defence).toBe('natural');
  }
});

test.each(['mnist.yaml', 'cifar10.yaml', '17flowers.yaml'])(
  '%s compares at least six defences, and attacks them from two surrogates',
  (file) => {
    const study = readSweep(readFileSync(join(studies, file), 'utf8'), file, catalogue);
    expect(Object.keys(study.presets ?? {})).toEqual(['hour', 'day', 'gpu']);
    for (const preset of ['hour', 'day', 'gpu']) {
      const { groups, surrogates } = expandSweep(withPreset(study, preset), catalogue);
      expect(groups.length).toBeGreaterThan(5);
      expect(surrogates.map(({ name }) => name)).toEqual(['gray-box', 'black-box']);
    }
  },
);
