import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { fillIn, markdownTable as table } from '../generated-sections.ts';
import { comparisonTable, short } from './print.ts';
import type { BenchReport, Verdict, WorkResult } from './results.ts';

const FILE = join(import.meta.dirname, '..', '..', 'docs', 'performance.md');

/** Writes a report's tables into `docs/performance.md`, between its markers; the text around them stays. */
export async function writeDocs(report: BenchReport): Promise<void> {
  const text = fillIn(await readFile(FILE, 'utf8'), sectionsOf(report), 'bench');
  await writeFile(FILE, await format(text, { ...(await resolveConfig(FILE)), filepath: FILE }));
}

/** The generated parts of the document. */
export function sectionsOf(report: BenchReport): Readonly<Record<string, string>> {
  const { results } = report;
  const part = (chosen: (result: WorkResult) => boolean): string => results.filter(chosen).map(section).join('\n\n');
  const grows = (result: WorkResult): boolean => result.name === 'scaling';
  const profiles = (result: WorkResult): boolean => result.name.startsWith('profile');
  return {
    machine: machineSection(report),
    targets: targetSection(results),
    works: part((result) => !grows(result) && !profiles(result)),
    scaling: part(grows),
    profile: part(profiles),
  };
}

function machineSection({ machine, threads, date, seconds, load, extent, version, results }: BenchReport): string {
  const peers = results.flatMap((result) => (result.kind === 'comparison' ? result.sides : []));
  const versions = [...new Set(peers.map((side) => side.version))];
  return table(
    ['what', 'value'],
    [
      ['processor', `${machine.cpu}, ${machine.cores} cores`],
      ['memory', `${Math.round(machine.memoryBytes / 2 ** 30)} GiB`],
      ['system', machine.system],
      ['runtime', `Node ${machine.node}${machine.electron === null ? '' : `, Electron ${machine.electron}`}`],
      ['versions', versions.length > 0 ? versions.join(', ') : `Pairlight ${version}`],
      ['threads of each side', String(threads)],
      ['measured', `${date.slice(0, 10)}, \`--${extent}\`, ${Math.round(seconds / 60)} minutes`],
      ['load average before and after', `${load.before.toFixed(1)}, ${load.after.toFixed(1)}`],
    ],
  );
}

function targetSection(results: readonly WorkResult[]): string {
  const rows = results.flatMap((result) => {
    if (result.kind === 'skipped') return [[result.title, '', '', '', `not measured: ${result.reason}`]];
    return result.verdicts.map((verdict) => [
      result.title,
      verdict.what,
      `${short(verdict.value)} ${verdict.unit}`,
      verdict.target,
      judgement(verdict),
    ]);
  });
  return table(['work', 'figure', 'measured', 'target', 'met'], rows);
}

export function judgement({ met, disturbed, byCpu }: Verdict): string {
  const cpu = byCpu === null ? '' : ` (${byCpu.toFixed(2)} by CPU time)`;
  return `${met ? 'yes' : '**no**'}${disturbed ? ', machine not quiet' : ''}${cpu}`;
}

function section(result: WorkResult): string {
  const title = `### ${result.title[0]?.toUpperCase() ?? ''}${result.title.slice(1)}`;
  if (result.kind === 'skipped') return `${title}\n\nNot measured: ${result.reason}`;
  const { head, rows } = result.kind === 'comparison' ? comparisonTable(result) : result;
  return [title, table(head, rows), ...result.notes].join('\n\n');
}
