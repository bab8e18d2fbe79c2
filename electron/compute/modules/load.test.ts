import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ModuleSource } from '../../../shared/domain/module.ts';

const root = mkdtempSync(join(tmpdir(), 'pairlight-load-'));

const attack = (change: string): string => `
export default ({ z, defineAttack, defineFamily, settings }) => {
  const family = {
    name: 'own', unit: 'queries', minimal: false, targeted: false, access: () => 'scores', work: () => 1,
    stopsAtSuccess: () => true, isAtLeast: () => true, create: () => { throw new Error('never'); },
  };
  const own = {
    name: 'own', label: 'Own', summary: 'A test.', source: 'None.', help: 'None.',
    schema: z.strictObject({ epsilon: settings.epsilonLinf }),
    plan: ({ epsilon }) => ({ family, norm: 'linf', epsilon, restarts: 1 }),
    describe: () => 'Own', weakness: () => null,
  };
  ${change}
  return { attacks: [defineAttack(own)] };
};
`;

const defence = (change: string): string => `
export default ({ z, tf, defineDefence, training, losses }) => {
  const own = {
    name: 'own-defence', label: 'Own', summary: 'A test.', source: 'None.', adversarial: false, schema: z.strictObject({}),
    configure: () => ({
      halves: 'clean', inner: null, epsilon: 0.1, taps: training.noTaps, terms: ['clean'],
      loss: ({ clean, labels }) => ({ clean: tf.mean(losses.crossEntropy(clean.logits, labels)) }),
    }),
  };
  ${change}
  return { defences: [defineDefence(own)] };
};
`;

/** File, its content, and what is said of it. */
const FAULTS: readonly (readonly [string, string, RegExp])[] = [
  [
    'typo.ts',
    'export default () => {\n  const x: number = ;\n};\n',
    /typo\.ts cannot be read: Expression expected \(line 2\)/,
  ],
  ['typo.js', 'export default () => {\n  return {};\n};\nconst = 3;\n', /typo\.js cannot be read: .* \(line 4\)/],
  ['enum.ts', 'enum A { b }\nexport default () => ({});\n', /enum\.ts cannot be read: .*enum.* \(line 1\)/],
  ['no-default.ts', 'export const attacks = [];\n', /has no default export\. Write “export default/],
  ['object.js', 'export default { attacks: [] };\n', /exports something else \(object\) by default/],
  [
    'imports.js',
    "import './helper.js';\nexport default () => ({});\n",
    /imports helper\.js, which is not there: a module is one/,
  ],
  [
    'loads-badly.ts',
    "\n\nthrow new Error('too early');\n",
    /fails while it is loaded: too early \(loads-badly\.ts, line 3\)/,
  ],
  [
    'throws.ts',
    "export default () => {\n\n  throw new Error('no luck');\n};\n",
    /asked what it adds: no luck \(throws\.ts, line 3\)/,
  ],
  ['nothing.js', 'export default () => undefined;\n', /adds something else .* must be an object/],
  [
    'more.js',
    'export default () => ({ attack: [] });\n',
    /adds something else .* unknown key “attack” \(did you mean “attacks”\?\)\.$/,
  ],
  ['empty.js', 'export default () => ({});\n', /adds nothing/],
  [
    'by-hand.js',
    "export default () => ({ attacks: [{ name: 'x' }] });\n",
    /the attack “x”, which pairlight\.defineAttack did not/,
  ],
  ['camel.js', attack("own.name = 'myAttack';"), /“myAttack” with a fault: name: must be small letters .*my-attack/],
  ['taken.js', attack("own.name = 'pgd';"), /calls its attack “pgd”, which is the name of a built-in one/],
  ['family.js', attack("family.name = 'ascent';"), /a family called “ascent”, as a built-in one is called/],
  [
    'stream.js',
    attack("family.name = 'start';"),
    /a family called “start”, which is the name of random numbers that Pairlight draws elsewhere/,
  ],
  [
    'no-epsilon.js',
    attack('own.plan = () => ({ family, norm: "linf", restarts: 1 });'),
    /plan has a fault: epsilon: is missing/,
  ],
  ['no-create.js', attack('delete family.create;'), /family\.create: must be a function/],
  ['no-defaults.js', attack('own.schema = z.strictObject({ epsilon: z.number() });'), /asked what it adds: epsilon: /],
  ['twice.js', attack('return { attacks: [defineAttack(own), defineAttack(own)] };'), /has two attacks called “own”/],
  ['taken-defence.js', defence("own.name = 'at';"), /calls its defence “at”, which is the name of a built-in one/],
  [
    'termless.js',
    defence('const given = own.configure; own.configure = () => ({ ...given(), terms: [] });'),
    /without a term of its loss/,
  ],
];

/** A file that is another one by the time that it has been read. */
const CHANGES_ITSELF = [
  'changes.js',
  "import { appendFileSync } from 'node:fs';\nappendFileSync(new URL(import.meta.url), ' ');\nexport default () => ({});\n",
] as const;

const WHOLE = ['attack.js', 'attack.ts', 'defence.js'] as const;
const said = z.record(z.string(), z.string());
let results: Readonly<Record<string, string>>;

beforeAll(async () => {
  const files = [...FAULTS.map(([file, text]) => [file, text] as const), ...whole(), CHANGES_ITSELF];
  const sources = files.map(([file, text]) => sourceOf(file, text));
  // In a process of its own, as in a job host: this one would read modules in a way of its own.
  const code = `
    const { readModule } = await import(${JSON.stringify(pathToFileURL(join(import.meta.dirname, 'load.ts')).href)});
    const results = {};
    for (const source of ${JSON.stringify(sources)}) {
      try {
        const { attacks, defences } = await readModule(source);
        results[source.file] = [...attacks, ...defences].map(({ name }) => name).join();
      } catch (error) { results[source.file] = error.code + ': ' + error.message; }
    }
    console.log(JSON.stringify(results));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);
  results = said.parse(JSON.parse(stdout));
}, 60_000);
afterAll(() => rmSync(root, { recursive: true }));

function whole(): readonly (readonly [string, string])[] {
  const typed = attack('const more: number = 1;\n  void more;');
  return [
    [WHOLE[0], attack('')],
    [WHOLE[1], `import type { Nothing } from './nowhere.ts';\nexport type Unused = Nothing;\n${typed}`],
    [WHOLE[2], defence('')],
  ];
}

function sourceOf(file: string, text: string): ModuleSource {
  const hash = createHash('sha256').update(text).digest('hex');
  const path = join(root, `${hash}.${file.endsWith('.ts') ? 'mts' : 'mjs'}`);
  writeFileSync(path, text);
  return { file, hash, path };
}

describe('a module', () => {
  it('in TypeScript or JavaScript gives its attacks and defences', () => {
    expect(WHOLE.map((file) => results[file])).toEqual(['own', 'own', 'own-defence']);
  });

  it('that was changed while it was imported is not taken: its hash is of something else', () => {
    expect(results[CHANGES_ITSELF[0]]).toMatch(/^conflict: The kept copy of the module changes\.js .* was changed/);
  });

  it.each(FAULTS)('%s with a fault is refused with what is wrong and where', (file, _, message) => {
    expect(results[file]).toMatch(/^bad-data: The module /);
    expect(results[file]).toMatch(message);
  });
});
