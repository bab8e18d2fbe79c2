import type { ImportPlanInput } from '../../../shared/domain/import-plan.ts';
import { waitForQuiet } from '../machine.ts';
import { short } from '../print.ts';
import type { FigureResult, Verdict } from '../results.ts';
import { median } from '../statistics.ts';
import { watchImport, type WatchedImport } from './watch-import.ts';

const MIB = 2 ** 20;
const MOST_MEMORY = 500e6;

/** Folder for what is written on the way, rounds of each import, and the longest wait for a quiet machine before each. */
export interface Pace {
  readonly scratch: string;
  readonly rounds: number;
  readonly wait: number;
}

/** The figures of the imports, as they come. */
export class ImportTable {
  readonly #rows: string[][] = [];
  readonly #verdicts: Verdict[] = [];
  readonly #notes: string[] = [];
  #peak = 0;
  readonly #pace: Pace;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  /** Imports `plan` some times; its median time has to be within `limit` seconds. */
  async add(what: string, plan: ImportPlanInput, limit: number, rounds = this.#pace.rounds): Promise<void> {
    const seen: WatchedImport[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await waitForQuiet(this.#pace.wait);
      process.stderr.write(`${what} …\n`);
      seen.push(await watchImport(plan, this.#pace.scratch));
    }
    const [first] = seen;
    const seconds = median(seen.map((one) => one.seconds));
    const cpu = median(seen.map((one) => one.cpuSeconds ?? Number.NaN));
    const peak = Math.max(...seen.map((one) => one.peakBytes ?? 0));
    this.#peak = Math.max(this.#peak, peak);
    const images = first?.manifest.images ?? 0;
    this.#rows.push([what, short(seconds), short(cpu), short(images / seconds), String(Math.round(peak / MIB))]);
    this.verdict(what, seconds, 's', limit);
  }

  row(what: string, seconds: readonly number[]): void {
    this.#rows.push([what, short(median(seconds)), '', '', '']);
  }

  note(text: string): void {
    this.#notes.push(text);
  }

  verdict(what: string, value: number, unit: string, limit: number): void {
    const target = `≤ ${short(limit)} ${unit}`;
    this.#verdicts.push({ what, value, unit, target, met: value <= limit, byCpu: null, disturbed: false });
  }

  ratio(what: string, value: number): void {
    this.#verdicts.push({ what, value, unit: '×', target: '≥ 1.0', met: value >= 1, byCpu: null, disturbed: false });
  }

  result(notes: readonly string[]): FigureResult {
    this.verdict('peak memory of an import', this.#peak / 1e6, 'MB', MOST_MEMORY / 1e6);
    return {
      kind: 'figures',
      name: 'data',
      title: 'importing data sets',
      head: ['import', 'seconds', 'CPU seconds', 'images/s', 'peak MiB'],
      rows: this.#rows,
      verdicts: this.#verdicts,
      notes: [...this.#notes, ...notes],
    };
  }
}
