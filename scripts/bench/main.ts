/** `npm run bench`: measures Pairlight's engines against each other and, with a Python that has them, against the peers. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { usablePack } from '../../electron/services/engines.ts';
import { resourcePath } from '../../electron/services/resources.ts';
import { writeDocs } from './docs.ts';
import { scratchFolder } from './scratch-folder.ts';
import { describeMachine, load } from './machine.ts';
import type { BenchOptions } from './options.ts';
import { describeResult } from './print.ts';
import { benchReport, type BenchReport, type WorkResult } from './results.ts';
import { runWork } from './run.ts';
import { WORKS } from './works.ts';

interface Flags {
  readonly full?: boolean;
  readonly peers?: string;
  readonly only?: readonly string[];
  readonly json?: string;
  readonly threads: number;
  readonly rounds?: number;
  readonly wait: number;
  readonly minutes?: number;
  readonly mnist?: string;
  readonly docs?: boolean;
  readonly from?: string;
}

const whole = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('It must be a whole number.');
  return value;
};

const program = new Command('bench')
  .description('speed and memory of the engines, and of the Python tools that do the same')
  .option('--quick', 'minutes: few rounds, small parts (the default)')
  .option('--full', 'the whole table and how cost grows')
  .option('--peers <python>', 'a Python with torch, torchvision, foolbox, torchattacks, ART and pyautoattack')
  .option('--only <names>', 'some works, by comma; a beginning of a name stands for all that begin so', (text) =>
    text.split(','),
  )
  .option('--json <file>', 'write everything that was measured')
  .option('--threads <n>', 'threads of every side', whole, availableParallelism())
  .option('--rounds <n>', 'rounds of each comparison', whole)
  .option('--wait <seconds>', 'longest wait for a quiet machine before each round', whole, 20)
  .option('--minutes <n>', 'begin no further work after so many', whole)
  .option('--mnist <folder>', 'IDX files of MNIST; by default the bundled sample, its first 1,000 test images')
  .option('--docs', 'write the tables into docs/performance.md; --full does so unless --only leaves works out')
  .option('--from <file>', 'measure nothing: print, and with --docs write, what --json wrote earlier')
  .exitOverride();

try {
  await main(program.parse(process.argv.slice(2), { from: 'user' }).opts<Flags>());
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

async function main(flags: Flags): Promise<void> {
  if (flags.from !== undefined) {
    const report = benchReport.parse(JSON.parse(await readFile(flags.from, 'utf8')));
    process.stdout.write(`${report.results.map(describeResult).join('\n\n')}\n`);
    if (flags.docs === true) await writeDocs(report);
    return;
  }
  const works = chosenWorks(flags);
  const scratch = await scratchFolder();
  const options: BenchOptions = {
    extent: flags.full === true ? 'full' : 'quick',
    python: flags.peers ?? null,
    threads: flags.threads,
    rounds: flags.rounds ?? null,
    quietSeconds: flags.wait,
    mnist: flags.mnist === undefined ? resourcePath('sample') : resolve(flags.mnist),
    scratch,
    enginePack: await usablePack(),
  };
  const started = performance.now();
  const before = load();
  const results: WorkResult[] = [];
  try {
    for (const work of works) {
      process.stderr.write(`${work.name} …\n`);
      const late = flags.minutes !== undefined && performance.now() - started > 60_000 * flags.minutes;
      const result = late ? outOfTime(work) : await runWork(work, options);
      results.push(result);
      process.stdout.write(`${describeResult(result)}\n\n`);
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  const report: BenchReport = {
    format: 1,
    date: new Date().toISOString(),
    seconds: (performance.now() - started) / 1000,
    extent: options.extent,
    version: packageJson.version,
    threads: options.threads,
    machine: describeMachine(),
    load: { before, after: load() },
    results,
  };
  if (results.some((result) => result.kind === 'skipped' && result.failed)) process.exitCode = 1;
  if (flags.json !== undefined) await writeFile(flags.json, `${JSON.stringify(report, null, 2)}\n`);
  if (flags.docs === true || (flags.full === true && flags.only === undefined)) await writeDocs(report);
  process.stdout.write(
    `${Math.round(report.seconds)} s, load ${before.toFixed(1)} before, ${load().toFixed(1)} after\n`,
  );
}

function outOfTime({ name, title }: (typeof WORKS)[number]): WorkResult {
  return { kind: 'skipped', name, title, reason: 'The minutes that were given had passed.', failed: false };
}

function chosenWorks({ only, full }: Flags): typeof WORKS {
  if (only === undefined) return WORKS.filter(({ inQuick }) => full === true || inQuick);
  const unknown = only.find((name) => !WORKS.some((work) => work.name.startsWith(name)));
  if (unknown !== undefined) {
    throw new Error(`--only: there is no work "${unknown}". Known: ${WORKS.map(({ name }) => name).join(', ')}.`);
  }
  return WORKS.filter((work) => only.some((name) => work.name.startsWith(name)));
}
