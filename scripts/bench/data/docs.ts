import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { fillIn, markdownTable } from '../../generated-sections.ts';
import { judgement } from '../docs.ts';
import { short } from '../print.ts';
import type { BenchReport, FigureResult } from '../results.ts';

const FILE = join(import.meta.dirname, '..', '..', '..', 'docs', 'measurements.md');

/** Writes the figures into `docs/measurements.md`, between its markers; the text around them stays. */
export async function writeDataDocs(result: FigureResult, machine: BenchReport['machine']): Promise<void> {
  const text = fillIn(await readFile(FILE, 'utf8'), { data: sectionOf(result, machine) }, 'bench');
  await writeFile(FILE, await format(text, { ...(await resolveConfig(FILE)), filepath: FILE }));
}

function sectionOf({ head, rows, verdicts, notes }: FigureResult, machine: BenchReport['machine']): string {
  const targets = verdicts.map((verdict) => [
    verdict.what,
    `${short(verdict.value)} ${verdict.unit}`,
    verdict.target,
    judgement(verdict),
  ]);
  return [
    `${machine.cpu}, ${machine.cores} cores, ${new Date().toISOString().slice(0, 10)}.`,
    markdownTable(head, rows),
    markdownTable(['figure', 'measured', 'target', 'met'], targets),
    ...notes,
  ].join('\n\n');
}
