import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PlainError, runScript, say } from './console.mjs';
import { nodeModules, root } from './paths.mjs';

const LICENCE_FILE = /^(licen[cs]e|copying|notice|ofl)([.-].*)?$/i;
const SOURCES = ['electron', 'shared', 'renderer'];

/** Names of the packages that the sources import; some are bundled although they are development dependencies. */
async function importedPackages() {
  const names = new Set();
  for (const folder of SOURCES) {
    for (const entry of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.(ts|vue|css|html)$/.test(entry.name) || entry.name.endsWith('.test.ts')) continue;
      const text = await readFile(join(entry.parentPath ?? entry.path, entry.name), 'utf8');
      for (const [, name] of text.matchAll(
        /(?:from|import|import\(|require\(|resolve\(|url\()\s*['"]((?:@[\w.-]+\/)?[\w.-]+)/g,
      )) {
        names.add(name);
      }
    }
  }
  return names;
}

/** Path in the lock file of `name` as seen by the package at `from`, as Node resolves it. */
function resolveIn(packages, from, name) {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf('node_modules/') - 1))) {
    const path = `${base === '' ? '' : `${base}/`}node_modules/${name}`;
    if (packages[path]) return path;
    if (base === '') return undefined;
  }
}

/** Everything that is shipped: what the sources import and the production dependencies, with all that they need. */
async function shippedPackages() {
  const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  const top = { ...packages[''].dependencies, ...packages[''].devDependencies };
  const imported = await importedPackages();
  const wanted = Object.keys(top).filter((name) => name in packages[''].dependencies || imported.has(name));
  const queue = wanted.filter((name) => name !== 'electron').map((name) => resolveIn(packages, '', name));
  const found = new Set();
  while (queue.length > 0) {
    const path = queue.pop();
    if (path === undefined || found.has(path)) continue;
    found.add(path);
    const { dependencies = {}, optionalDependencies = {} } = packages[path];
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies }))
      queue.push(resolveIn(packages, path, name));
  }
  return [...found].sort();
}

async function describe(path) {
  const folder = join(root, path);
  let manifest;
  try {
    manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  } catch {
    return null; // An optional package of another platform.
  }
  const files = (await readdir(folder)).filter((name) => LICENCE_FILE.test(name)).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8').catch(() => '')));
  const licence = manifest.license ?? manifest.licenses;
  return {
    name: manifest.name,
    version: manifest.version,
    licence: typeof licence === 'string' ? licence : JSON.stringify(licence ?? 'see its text'),
    text: texts
      .map((text) =>
        text
          .replaceAll('\r\n', '\n')
          .replace(/[ \t]+$/gm, '')
          .trim(),
      )
      .filter(Boolean)
      .join('\n\n'),
  };
}

const HEAD = `# Third-party notices

Pairlight is made with the packages below; each keeps its own licence, given here with its text. Made by
\`npm run notices\` from the packages that are installed; do not edit it by hand.

Besides these: the application runs on Electron (MIT), which carries Chromium and Node.js; their licences lie beside its
program as \`LICENSE\` and \`LICENSES.chromium.html\`. The tensorflow engine pack (Apache-2.0) is fetched on the user's
machine and keeps its \`LICENSE\` and \`THIRD_PARTY_NOTICES.txt\` in its own folder. The sample data set names its origin
in its folder.
`;

/** Fails when a package that is shipped is not named with its version; packages of single platforms are left out. */
async function check() {
  const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  const text = await readFile(join(root, 'THIRD-PARTY-NOTICES.md'), 'utf8');
  for (const path of await shippedPackages()) {
    // An alias has the name of what it stands for.
    const {
      name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version,
      optional,
    } = packages[path];
    if (optional || text.includes(`| ${name} | ${version} |`)) continue;
    throw new PlainError(`THIRD-PARTY-NOTICES.md lacks ${name} ${version}. Run: npm run notices`);
  }
}

async function write() {
  const packages = (await Promise.all((await shippedPackages()).map(describe))).filter((item) => item !== null);
  if (packages.length === 0)
    throw new PlainError(`No packages are installed in ${nodeModules}; run: npm run prepare-machine`);
  const byKey = new Map(packages.map((item) => [`${item.name} ${item.version}`, item]));
  const unique = [...byKey.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const table = unique.map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`);
  const byText = new Map();
  for (const item of unique) {
    if (item.text !== '') byText.set(item.text, [...(byText.get(item.text) ?? []), item.name]);
  }
  const texts = [...byText].map(
    ([text, names]) => `### ${[...new Set(names)].join(', ')}\n\n\`\`\`\`text\n${text}\n\`\`\`\`\n`,
  );
  const body = [
    HEAD,
    '| package | version | licence |',
    '| --- | --- | --- |',
    ...table,
    '',
    '## Texts',
    '',
    ...texts,
  ].join('\n');
  await writeFile(join(root, 'THIRD-PARTY-NOTICES.md'), body);
  say(`THIRD-PARTY-NOTICES.md: ${unique.length} packages, ${byText.size} different texts`);
}

await runScript(process.argv.includes('--check') ? check : write);
