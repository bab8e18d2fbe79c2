import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { SweepRecord } from '../../electron/services/sweeps/record.ts';
import type { SweepCell, SweepTableRow } from '../../electron/services/sweeps/table.ts';

const STUDIES = join(import.meta.dirname, '..', '..', 'studies');

/** Studies and their presets, in the order of the document. */
export const RUNS: readonly { readonly study: string; readonly preset: string | null }[] = [
  ...['17flowers', 'mnist', 'cifar10'].flatMap((study) => ['hour', 'day', 'gpu'].map((preset) => ({ study, preset }))),
  { study: 'mnist-pgd-at', preset: null },
  { study: 'mnist-masking', preset: null },
  ...['mnist-pairing', 'cifar10-pairing'].flatMap((study) => ['seeds', 'images'].map((preset) => ({ study, preset }))),
];

const triple = z.tuple([z.number(), z.number(), z.number()]);
const pair = z.strictObject({ 'at-alp': z.number(), 'best before': z.number() });
const published = z.strictObject({
  mosbach: z.strictObject({ mnist: z.record(z.string(), triple), cifar10: z.record(z.string(), triple) }),
  flowers: z.strictObject({ 'gray-box': pair, 'black-box': pair }),
});
export type Published = z.infer<typeof published>;

/** The papers' numbers. */
export function readPublished(): Published {
  return published.parse(parse(readFileSync(join(STUDIES, 'published.yaml'), 'utf8')));
}

/** What a run of a study left (`pairlight sweep … --out`); null where it was not run. */
export function readRecord(study: string, preset: string | null): SweepRecord | null {
  const file = join(STUDIES, 'results', `${[study, ...(preset === null ? [] : [preset])].join('-')}.json`);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as SweepRecord) : null;
}

/** A row by what was trained: `at-alp`, `alp on m-pgd`, and with `, denoised` if the network has blocks of denoising. */
export function rowName({ trainings }: SweepRecord, { label }: SweepTableRow): string {
  const config = trainings.find(({ row }) => row === label)?.config;
  if (!config) return label;
  const { defence, defenceSettings, architectureSettings } = config;
  const base = defence === 'alp' ? ` on ${String(defenceSettings['base'] ?? 'm-pgd')}` : '';
  const blocks = architectureSettings?.['denoise'];
  return `${defence}${base}${Array.isArray(blocks) && blocks.length > 0 ? ', denoised' : ''}`;
}

/** Number of a row in the column whose label fits; undefined where it was not run. */
export function cellAt(record: SweepRecord, row: SweepTableRow, label: RegExp): SweepCell | undefined {
  const column = record.table.columns.find((one) => label.test(one.label));
  return column && row.cells[column.key];
}

/** The worst case of a row over all white-box and transfer attacks at an ε. */
export const worstAt = (record: SweepRecord, row: SweepTableRow, epsilon: number): SweepCell | undefined =>
  cellAt(record, row, new RegExp(`^worst case, ε ${String(epsilon).replace('.', '\\.')}$`));
