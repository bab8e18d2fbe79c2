import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build } from './build.mjs';
import { prepareEnginePack } from './cli.mjs';
import { PlainError, runScript, say } from './console.mjs';
import { openDisplay } from './display.mjs';
import { countEndToEnd } from './e2e-report.mjs';
import { electronBinary, nodeModules, root } from './paths.mjs';
import { prepare } from './prepare.mjs';
import { run } from './run.mjs';

const STAGES = ['format', 'lint', 'deadcode', 'types', 'notices', 'build', 'unit', 'e2e'];
const MINUTE = 60_000;
const results = join(root, 'test-results');
const bin = (...path) => join(nodeModules, ...path);
const node = process.execPath;

/** Each check is one pass or one failure; `args` are run with this Node. */
const CHECKS = {
  format: {
    title: 'formatting (prettier)',
    args: [bin('prettier', 'bin', 'prettier.cjs'), '--check', '--log-level', 'warn', '.'],
  },
  lint: { title: 'lint and layers (eslint)', args: [bin('eslint', 'bin', 'eslint.js'), '--max-warnings', '0', '.'] },
  deadcode: { title: 'dead exports and packages (knip)', args: [bin('knip', 'bin', 'knip.js'), '--no-progress'] },
  notices: { title: 'notices of third parties', args: [join(root, 'scripts', 'notices.mjs'), '--check'] },
  types: { title: 'types (vue-tsc)', args: [bin('vue-tsc', 'bin', 'vue-tsc.js'), '--noEmit', '-p', 'tsconfig.json'] },
};

/** Electron's Vulkan driver that computes on the processor, and its loader; elsewhere the tests take what they find. */
function softwareAdapter() {
  const dist = dirname(electronBinary);
  const driver = join(dist, 'vk_swiftshader_icd.json');
  if (process.platform !== 'linux' || !existsSync(driver)) return {};
  const runtime = process.env.XDG_RUNTIME_DIR ?? results;
  return { PAIRLIGHT_SOFTWARE_GPU: '1', VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: dist, XDG_RUNTIME_DIR: runtime };
}

const total = { passed: 0, failed: 0, skipped: [] };

function add(title, counts) {
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped.push(...counts.skipped);
  say(
    `${counts.failed === 0 ? 'ok  ' : 'FAIL'} ${title}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped.length} skipped`,
  );
}

function addCheck(title, passed, output) {
  total[passed ? 'passed' : 'failed'] += 1;
  say(`${passed ? 'ok  ' : 'FAIL'} ${title}`);
  if (!passed && output) say(output.trim());
}

async function check(name) {
  const { title, args } = CHECKS[name];
  const { status, output } = await run(node, args, { cwd: root, capture: true, timeout: 12 * MINUTE });
  addCheck(title, status === 0, output);
}

async function buildCheck() {
  try {
    await build();
    addCheck('build (electron-vite)', true);
    return true;
  } catch (error) {
    if (!(error instanceof PlainError)) throw error;
    addCheck('build (electron-vite)', false, error.message);
    return false;
  }
}

/** Reads a report that a test runner should have left; without one the run itself counts as a failure. */
async function reportOf(file, status, count) {
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: [] };
  const counts = count(JSON.parse(await readFile(file, 'utf8')));
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  if (counts.passed + counts.failed + counts.skipped.length === 0) counts.failed = 1;
  return counts;
}

async function vitest(title, program, projects, filters, env) {
  const file = join(results, `${projects[0]}.json`);
  await rm(file, { force: true });
  const reporters = ['--reporter=default', `--reporter=${join(root, 'scripts', 'unit-reporter.mjs')}`];
  const chosen = projects.flatMap((project) => ['--project', project]);
  const args = [bin('vitest', 'vitest.mjs'), 'run', '--passWithNoTests', ...reporters, ...chosen, ...filters];
  const { status } = await run(program, args, { cwd: root, env: { ...env, UNIT_REPORT: file }, timeout: 25 * MINUTE });
  const none = { passed: 0, failed: 0, skipped: [] };
  const report = await reportOf(file, status, (counts) => counts);
  // A filter may name tests of the other kind only.
  const nothing = report.passed + report.skipped.length === 0 && status === 0 && filters.length > 0;
  add(title, nothing ? none : report);
}

async function unit(filters) {
  await vitest('unit, property and engine tests (vitest)', electronBinary, ['node', 'renderer'], filters, {
    ELECTRON_RUN_AS_NODE: '1',
  });
  await vitest('webgpu engine in a plain Node (vitest)', node, ['webgpu'], filters, softwareAdapter());
}

async function endToEnd(filters) {
  const title = 'end-to-end tests (playwright)';
  const display = await openDisplay();
  if (display.reason) {
    add(title, { passed: 0, failed: 0, skipped: [{ name: title, reason: display.reason }] });
    return;
  }
  try {
    const file = join(results, 'e2e.json');
    await rm(file, { force: true });
    const { status } = await run(
      node,
      [bin('@playwright', 'test', 'cli.js'), 'test', '--reporter=list,json', ...filters],
      {
        cwd: root,
        env: { PLAYWRIGHT_JSON_OUTPUT_FILE: file, ...(display.name ? { DISPLAY: display.name } : {}) },
        timeout: 15 * MINUTE,
      },
    );
    add(title, await reportOf(file, status, countEndToEnd));
  } finally {
    display.stop();
  }
}

/** `--only STAGE[,STAGE]` runs a part; words after it filter the test files. */
function readArguments(args) {
  const at = args.indexOf('--only');
  const only = at === -1 ? STAGES : (args[at + 1] ?? '').split(',');
  const unknown = only.find((stage) => !STAGES.includes(stage));
  if (unknown !== undefined)
    throw new PlainError(`--only takes one or more of ${STAGES.join(', ')}; it was given "${unknown}".`);
  return { wants: (stage) => only.includes(stage), filters: at === -1 ? args : args.toSpliced(at, 2) };
}

await runScript(async () => {
  const { wants, filters } = readArguments(process.argv.slice(2));
  const started = Date.now();
  await prepare();
  await mkdir(results, { recursive: true });

  for (const pair of [['lint'], ['types', 'format'], ['deadcode', 'notices']]) {
    await Promise.all(pair.filter(wants).map(check));
  }
  const needsApp = wants('build') || wants('unit') || wants('e2e');
  const built = needsApp && (await buildCheck());
  if (built && (wants('unit') || wants('e2e'))) await prepareEnginePack();
  if (wants('unit')) await unit(filters);
  if (wants('e2e') && built) await endToEnd(filters);

  for (const { name, reason } of total.skipped) say(`skipped: ${name} (${reason})`);
  say(`${Math.round((Date.now() - started) / 1000)} s`);
  process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped.length} skipped\n`);
  if (total.failed > 0) process.exitCode = 1;
});
