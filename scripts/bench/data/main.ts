/** `npm run bench -- data`: how fast data sets are imported, in how much memory, and whether the window would stutter meanwhile. */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { unpackTar } from './unpack.ts';
import { scratchFolder } from '../scratch-folder.ts';
import { describeMachine, DISTURBANCE, load, waitForQuiet, watchOthers } from '../machine.ts';
import { describeResult, short } from '../print.ts';
import { median } from '../statistics.ts';
import { writeDataDocs } from './docs.ts';
import { longestBlock, type LongestBlock } from './owner-block.ts';
import { timePillow, type ProgramTime } from './pillow.ts';
import { mnistFolder, pngFolder } from './sources.ts';
import { ImportTable } from './import-table.ts';
import { watchImport, type WatchedImport } from './watch-import.ts';
import type { ImportPlanInput } from '../../../shared/domain/import-plan.ts';

interface Flags {
  readonly full?: boolean;
  readonly data?: string;
  readonly peers?: string;
  readonly rounds: number;
  readonly wait: number;
  readonly docs?: boolean;
}

const MOST_BLOCK_MS = 50;
const PNGS = { quick: 10_000, full: 100_000 } as const;
const PNG_SECONDS = 120;

const program = new Command('bench data')
  .description('speed and memory of importing data sets')
  .argument('[part]')
  .option('--full', 'all 100,000 generated pictures instead of 10,000')
  .option(
    '--data <folder>',
    'folder with mnist/, cifar-10-binary-subset.tar.gz and 17flowers.tgz, as far as they are there',
  )
  .option('--peers <python>', 'a Python with Pillow, to compare with')
  .option('--rounds <n>', 'rounds of each import', Number, 3)
  .option('--wait <seconds>', 'longest wait for a quiet machine before each round', Number, 20)
  .option('--docs', 'write the table into docs/measurements.md');

const flags = program.parse(process.argv.slice(2), { from: 'user' }).opts<Flags>();
const scratch = await scratchFolder();
try {
  await measure();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await rm(scratch, { recursive: true, force: true });
}

async function measure(): Promise<void> {
  const before = load();
  const table = new ImportTable({ scratch, rounds: flags.rounds, wait: flags.wait });
  const mnist = await mnistFolder(flags.data ?? null, scratch);
  await table.add('MNIST, 70,000 images', { path: mnist }, 5);
  const cifar = given('cifar-10-binary-subset.tar.gz');
  if (cifar) await table.add('CIFAR-10, 20,000 images, tar.gz', { path: cifar }, 5);
  const flowers = given('17flowers.tgz');
  if (flowers) {
    const plan: ImportPlanInput = { path: flowers, size: [64, 64] };
    await table.add('17 Flowers to 64 × 64, tgz', plan, 15);
    await comparePillow(table, flowers);
  }
  const count = PNGS[flags.full === true ? 'full' : 'quick'];
  process.stderr.write(`making ${count.toLocaleString('en')} pictures …\n`);
  const pngs = await pngFolder(count, scratch);
  const name = `${count.toLocaleString('en')} generated PNGs of 64 × 64`;
  await table.add(name, { path: pngs }, (PNG_SECONDS * count) / PNGS.full, 1);
  const blocks: LongestBlock[] = [];
  const others = watchOthers();
  for (let round = 0; round < flags.rounds; round += 1) {
    await waitForQuiet(flags.wait);
    blocks.push(await longestBlock({ path: mnist }, scratch));
  }
  const disturbed = others(0) > DISTURBANCE + 1 / availableParallelism();
  const [wall, byCpu] = [median(blocks.map((one) => one.wall)), median(blocks.map((one) => one.cpu))];
  table.verdict('longest block of the main thread during an import', wall, 'ms', MOST_BLOCK_MS, { byCpu, disturbed });
  const result = table.result([
    `Median of ${flags.rounds} rounds, each in a process of its own, from its launch to its end; load average ${before.toFixed(1)} before, ${load().toFixed(1)} after.`,
  ]);
  process.stdout.write(`${describeResult(result)}\n`);
  if (flags.docs === true) await writeDataDocs(result, describeMachine());
}

/** A source of the folder `--data`; said where it is not there. */
function given(name: string): string | null {
  const file = flags.data === undefined ? null : join(flags.data, name);
  if (file !== null && existsSync(file)) return file;
  process.stderr.write(`${name}: left out, --data has no such file\n`);
  return null;
}

/** The same JPEGs from a folder by both, in turn. */
async function comparePillow(table: ImportTable, archive: string): Promise<void> {
  if (flags.peers === undefined) {
    process.stderr.write('Pillow: left out, --peers names no Python\n');
    return;
  }
  const folder = join(scratch, 'flowers');
  await mkdir(folder);
  await unpackTar(archive, folder);
  const jpegs = join(folder, 'jpg');
  const processes = availableParallelism();
  const ours: WatchedImport[] = [];
  const [fit, draft]: [ProgramTime[], ProgramTime[]] = [[], []];
  const others = watchOthers();
  for (let round = 0; round < flags.rounds; round += 1) {
    await waitForQuiet(flags.wait);
    ours.push(await watchImport({ path: folder, size: [64, 64] }, scratch));
    fit.push(await timePillow(flags.peers, jpegs, processes, 'fit', scratch));
    draft.push(await timePillow(flags.peers, jpegs, processes, 'draft', scratch));
  }
  const used = [...ours, ...fit, ...draft].reduce((sum, one) => sum + (one.cpuSeconds ?? 0), 0);
  const disturbed = others(used) > DISTURBANCE;
  const over = (theirs: readonly ProgramTime[], key: 'seconds' | 'cpuSeconds'): number =>
    median(theirs.map((each, round) => each[key] / (ours[round]?.[key] ?? Number.NaN)));
  table.row('17 Flowers to 64 × 64, folder', ours);
  table.row('the same by Pillow: ImageOps.fit of all pixels', fit);
  table.row('the same by Pillow: ImageOps.fit after draft', draft);
  table.ratio(`17 Flowers: Pillow on ${processes} processes ÷ the whole import`, over(fit, 'seconds'), {
    byCpu: over(fit, 'cpuSeconds'),
    disturbed,
  });
  const coarse = `${short(over(draft, 'seconds'))} ×, by processor time ${short(over(draft, 'cpuSeconds'))} ×`;
  table.note(`Over Pillow with draft, which decodes JPEGs at a quarter of their size: ${coarse}.`);
}
