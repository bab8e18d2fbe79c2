import { afterEach, beforeEach, expect, test } from 'vitest';
import { itemsOf, skippedOf, testFolder, type TestFolder } from '../fixtures/tree-sets.ts';

let folder: TestFolder;
beforeEach(() => {
  folder = testFolder();
  for (const name of ['a', 'b', 'c', 'd']) folder.put(`img/${name}.png`);
});
afterEach(() => folder.dispose());

const GOOD = 'file,label,split,age,who\nimg/a.png,cat,train,3,007\nimg/b.png,dog,val,4.5,x\nimg/c.png,cat,test,,\n';

test('CSV with splits; further columns are kept, as numbers where they hold nothing else', async () => {
  folder.put('labels.csv', GOOD);
  const source = await folder.open();
  expect(source).toMatchObject({ kind: 'manifest', suggestedName: 'set', classes: ['cat', 'dog'] });
  expect(itemsOf(source)).toEqual(['img/a.png cat train', 'img/b.png dog validation', 'img/c.png cat test']);
  expect(source.items.map(({ columns }) => columns)).toEqual([
    { age: 3, who: '007' },
    { age: 4.5, who: 'x' },
    { age: null, who: null },
  ]);
  expect(skippedOf(source)).toEqual({ 'img/d.png': 'is not in labels.csv' });
});

test.each([
  ['semicolons', 'l.csv', 'file;label\nimg/a.png;cat\nimg/b.png;dog\n'],
  ['tabs', 'l.tsv', 'file\tlabel\nimg/a.png\tcat\nimg/b.png\tdog'],
  ['a byte order mark and Windows line ends', 'l.csv', '\ufefffile,label\r\nimg\\a.png,cat\r\n"img/b.png","dog"\r\n'],
  ['UTF-16', 'l.csv', Buffer.from('\ufefffile,label\nimg/a.png,cat\nimg/b.png,dog\n', 'utf16le')],
  ['JSON', 'l.json', '[{"file":"img/a.png","label":"cat"},{"file":"./img/b.png","label":"dog"}]'],
  ['JSON of file and label', 'l.json', '{"img/a.png":"cat","img/b.png":"dog"}'],
  ['JSON lines', 'l.jsonl', '{"file_name":"img/a.png","label":"cat"}\n\n{"file_name":"img/b.png","label":"dog"}\n'],
  ['another name of the column', 'l.csv', 'Image_Path,Class\nimg/a.png,cat\nimg/b.png,dog\n'],
])('a chosen list with %s', async (_, name, text) => {
  const source = await folder.open(folder.put(name, text));
  expect(itemsOf(source)).toEqual(['img/a.png cat null', 'img/b.png dog null']);
});

test('Windows-1252, as spreadsheets write it, and labels that are numbers', async () => {
  const path = folder.put('l.csv', Buffer.from('file,label,name\nimg/a.png,10,caf\xe9\nimg/b.png,9,x\n', 'latin1'));
  const source = await folder.open(path);
  expect(source.classes).toEqual(['9', '10']);
  expect(source.items[0]?.columns).toEqual({ name: 'café' });
});

test('bad rows are listed with their numbers, the others taken', async () => {
  folder.put('img/notes.txt', 'x');
  const path = folder.put(
    'labels.csv',
    [
      'file,label,split',
      'img/a.png,cat,train',
      'img/a.png,cat,train',
      'img/a.png,dog,train',
      'img/gone.png,dog,train',
      '../img/b.png,dog,train',
      '/etc/passwd,dog,train',
      'C:\\b.png,dog,train',
      'img/b.png,,train',
      ',dog,train',
      'img/b.png,dog,somewhere',
      'img/b.png,-1,train',
      'img/b.png,dog',
      'img/notes.txt,dog,test',
      'img/c.png,dog,test',
    ].join('\n'),
  );
  const source = await folder.open(path);
  expect(itemsOf(source)).toEqual(['img/a.png cat train', 'img/c.png dog test']);
  expect(skippedOf(source)).toEqual({
    'labels.csv, row 2': 'names img/a.png again: labels.csv, row 1 does already',
    'labels.csv, row 3': 'says that img/a.png is dog, but labels.csv, row 1 says cat: the first is taken',
    'labels.csv, row 4': 'names img/gone.png, which does not exist',
    'labels.csv, row 5': 'names ../img/b.png, which leads outside the folder',
    'labels.csv, row 6': 'names /etc/passwd, which leads outside the folder',
    'labels.csv, row 7': 'names C:\\b.png, which leads outside the folder',
    'labels.csv, row 8': 'gives img/b.png no label',
    'labels.csv, row 9': 'names no file in the column "file"',
    'labels.csv, row 10': expect.stringMatching(/unknown split "somewhere": train, validation and test are known/),
    'labels.csv, row 11': expect.stringMatching(/below 0 means none/),
    'labels.csv, row 12': 'has 2 columns where the heading has 3',
    'labels.csv, row 13': 'names img/notes.txt, which is no image file',
    'img/b.png': 'is not in labels.csv',
    'img/d.png': 'is not in labels.csv',
    'img/notes.txt': expect.any(String),
  });
});

test.each([
  ['wrong columns', 'l.csv', 'picture,kind\nimg/a.png,cat\n', /no column "file"; its columns are "picture", "kind"/],
  ['no column of labels', 'l.csv', 'file,kind\nimg/a.png,cat\n', /no column "label"; its columns are "file", "kind"/],
  ['nothing in it', 'l.csv', '', /has no column|is empty/],
  [
    'no row that is good',
    'l.csv',
    'file,label\nimg/x.png,cat\n',
    /names no image that is there. For example, l.csv, row 1/,
  ],
  ['JSON cut short', 'l.json', '[{"file":"img/a.png","label":"cat"}', /is no valid JSON/],
  ['JSON of another kind', 'l.json', '{"file": {"label": 1}}', /neither a list of objects such as/],
  [
    'a quote that never ends',
    'l.csv',
    'file,label\n"img/a.png,cat\nimg/b.png,dog',
    /cannot be read as CSV|names no image/,
  ],
])('a list with %s is refused, saying what to do', async (_, name, text, message) => {
  const path = folder.put(name, text);
  await expect(folder.open(path)).rejects.toMatchObject({ code: 'bad-data', message: expect.stringMatching(message) });
});

test('the plan names the columns', async () => {
  const path = folder.put('l.csv', 'picture,kind,label\nimg/a.png,cat,1\nimg/b.png,dog,2\n');
  const columns = { file: 'picture', label: 'kind' };
  expect(itemsOf(await folder.open(path, { columns }))).toEqual(['img/a.png cat null', 'img/b.png dog null']);
  await expect(folder.open(path, { columns: { ...columns, split: 'fold' } })).rejects.toThrow(/no column "fold"/);
});

test('lists of parts make one set; several others must be chosen from', async () => {
  folder.put('train.csv', 'file,label\nimg/a.png,cat\nimg/b.png,dog\n');
  folder.put('test.csv', 'file,label\nimg/c.png,cat\n');
  expect(itemsOf(await folder.open())).toEqual(['img/c.png cat test', 'img/a.png cat train', 'img/b.png dog train']);
  folder.put('more.csv', 'file,label\nimg/d.png,cat\n');
  await expect(folder.open()).rejects.toThrow(/several lists of images \(.*\). Choose one of these files/);
});

test('a list of 20,000 rows, nearly all of files that are not there, is read in seconds', async () => {
  const rows = ['file,label', 'img/a.png,0', 'img/b.png,1'];
  for (let at = 0; at < 20_000; at += 1) rows.push(`img/${at}.png,${at % 7}`);
  const started = performance.now();
  const source = await folder.open(folder.put('l.csv', rows.join('\n')));
  expect(source.items).toHaveLength(2);
  expect(source.skipped).toHaveLength(20_000 + 2);
  expect(performance.now() - started).toBeLessThan(10_000);
});
