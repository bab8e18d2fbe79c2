/** `npm run validate`: every attack beside the peers' and against a second engine, into docs/validation.md. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { fixtureFile } from '../../electron/compute/fixtures/peers.ts';
import { usablePack } from '../../electron/services/engines.ts';
import type { AttackOrder } from './attack-side.ts';
import { CASES } from './cases.ts';
import { describeReport, writeDocs } from './docs.ts';
import { attackLine, isMet, peerLine, recheckLine, validationReport } from './results.ts';
import type { CaseResult, ToolResult, ValidationReport } from './results.ts';

interface Flags {
  readonly peers?: string;
  readonly only?: readonly string[];
  readonly json?: string;
  readonly docs?: boolean;
  readonly from?: string;
}

const program = new Command('validate')
  .description(
    'every attack beside the Python tools that have it, each returned image looked at again on another engine',
  )
  .option('--peers <python>', 'a Python with torch, foolbox, torchattacks, ART and pyautoattack')
  .option('--only <names>', 'some cases, by comma', (names) => names.split(','))
  .option('--json <file>', 'write everything that was found')
  .option('--docs', 'write the tables into docs/validation.md')
  .option('--from <file>', 'run nothing: print, and with --docs write, what --json wrote earlier')
  .exitOverride();

try {
  await main(program.parse(process.argv.slice(2), { from: 'user' }).opts<Flags>());
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    process.stderr.write(`validate: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

async function main(flags: Flags): Promise<void> {
  const report = flags.from === undefined ? await run(flags) : await stored(flags.from);
  if (flags.json !== undefined) await writeFile(flags.json, `${JSON.stringify(report)}\n`);
  process.stdout.write(`${describeReport(report)}\n`);
  if (flags.docs === true) await writeDocs(report);
  if (report.results.some((result) => isMet(result) === false)) process.exitCode = 1;
}

async function stored(file: string): Promise<ValidationReport> {
  return validationReport.parse(JSON.parse(await readFile(file, 'utf8')));
}

async function run({ only, peers }: Flags): Promise<ValidationReport> {
  const asked = CASES.filter(({ name }) => only === undefined || only.includes(name));
  const cases = asked.filter(({ fixture }) => fixtureFile(fixture) !== null);
  const missing = asked.filter((entry) => !cases.includes(entry)).map(({ name }) => name);
  if (missing.length > 0) {
    process.stderr.write(`Left out, for their network is not here (PAIRLIGHT_FIXTURES): ${missing.join(', ')}.\n`);
  }
  const unknown = only?.find((name) => !CASES.some((entry) => entry.name === name));
  if (unknown !== undefined) {
    throw new Error(`--only: there is no case "${unknown}". Known: ${CASES.map(({ name }) => name).join(', ')}.`);
  }
  const started = performance.now();
  const enginePack = await usablePack();
  const folder = await mkdtemp(join(tmpdir(), 'pairlight-validate-'));
  try {
    const names = cases.map(({ name }) => name);
    const [engine, second] = enginePack === null ? (['wasm', null] as const) : (['tensorflow', 'wasm'] as const);
    const order: AttackOrder = { engine, enginePack, cases: names, folder };
    const own = (await side('attack-side.ts', order)).map((line) => attackLine.parse(line));
    const again =
      second === null
        ? []
        : (await side('recheck-side.ts', { ...order, engine: second })).map((line) => recheckLine.parse(line));
    const theirs = peers === undefined ? [] : await runPeers(peers, cases);
    const results = cases.map((entry): CaseResult => {
      const runs = own.filter((line) => line.case === entry.name);
      const [first] = runs;
      if (!first) throw new Error(`${entry.name} gave no result.`);
      const lines = theirs.filter((line) => line.case === entry.name);
      const tools = [...new Set(lines.map(({ tool }) => tool))];
      const found = again.find((line) => line.case === entry.name);
      return {
        name: entry.name,
        label: first.label,
        fixture: entry.fixture,
        examples: entry.examples,
        minimal: first.minimal,
        norm: first.norm,
        bar: entry.bar,
        own: { tool: 'Pairlight', version: packageJson.version, runs },
        peers: tools.map((tool): ToolResult => {
          const runs = lines.filter((line) => line.tool === tool);
          return { tool, version: runs[0]?.version ?? '', runs };
        }),
        recheck: found ?? null,
      };
    });
    const seconds = (performance.now() - started) / 1000;
    return validationReport.parse({ format: 1, date: new Date().toISOString(), seconds, engine, second, results });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runPeers(python: string, cases: typeof CASES): Promise<readonly ReturnType<typeof peerLine.parse>[]> {
  const order = {
    cases: cases.flatMap(({ name, fixture, examples, seeds, peers }) =>
      peers ? [{ name, fixture: fixtureFile(fixture), examples, seeds, ...peers }] : [],
    ),
  };
  const lines = await ask(python, [join(import.meta.dirname, 'peers', 'peers.py')], order);
  return lines.map((line) => peerLine.parse(line));
}

function side(program: string, order: object): Promise<readonly unknown[]> {
  return ask(process.execPath, [join(import.meta.dirname, program)], order);
}

/** Runs a program: an order in on standard input, JSON lines out. What it says on standard error is shown if it fails. */
async function ask(command: string, args: readonly string[], order: object): Promise<readonly unknown[]> {
  const child = spawn(command, args, {
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', OMP_NUM_THREADS: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(order));
  const gone = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const [output, words, status] = await Promise.all([text(child.stdout), text(child.stderr), gone]);
  if (status !== 0) throw new Error(`${args[0] ?? command} failed. ${words.trim().slice(-2000)}`);
  return output
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}
