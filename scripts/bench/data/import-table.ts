import type { ImportPlanInput } from '../../../shared/domain/import-plan.ts';
import { DISTURBANCE, waitForQuiet, watchOthers } from '../machine.ts';
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

type Doubt = Pick<Verdict, 'byCpu' | 'disturbed'>;
const SURE: Doubt = { byCpu: null, disturbed: false };

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
    let disturbed = false;
    for (let round = 0; round < rounds; round += 1) {
      await waitForQuiet(this.#pace.wait);
      process.stderr.write(`${what} …\n`);
      const others = watchOthers();
      const one = await watchImport(plan, this.#pace.scratch);
      disturbed ||= others(one.cpuSeconds ?? 0) > DISTURBANCE;
      seen.push(one);
    }
    const [first] = seen;
    const seconds = median(seen.map((one) => one.seconds));
    const cpu = median(seen.map((one) => one.cpuSeconds ?? Number.NaN));
    const peak = Math.max(...seen.map((one) => one.peakBytes ?? 0));
    this.#peak = Math.max(this.#peak, peak);
    const images = first?.manifest.images ?? 0;
    this.#rows.push([what, short(seconds), short(cpu), short(images / seconds), String(Math.round(peak / MIB))]);
    this.verdict(what, seconds, 's', limit, { byCpu: Number.isFinite(cpu) ? cpu : null, disturbed });
  }

  /** Times without a target of their own. */
  row(what: string, times: readonly { readonly seconds: number; readonly cpuSeconds: number | null }[]): void {
    const cpu = median(times.map((one) => one.cpuSeconds ?? Number.NaN));
    this.#rows.push([what, short(median(times.map((one) => one.seconds))), short(cpu), '', '']);
  }

  note(text: string): void {
    this.#notes.push(text);
  }

  /** A figure that has to be `limit` at most; `byCpu` is the same in processor time. */
  verdict(what: string, value: number, unit: string, limit: number, doubt: Doubt = SURE): void {
    const target = `≤ ${short(limit)} ${unit}`;
    this.#verdicts.push({ what, value, unit, target, met: value <= limit, ...doubt });
  }

  ratio(what: string, value: number, doubt: Doubt): void {
    this.#verdicts.push({ what, value, unit: '×', target: '≥ 1.0', met: value >= 1, ...doubt });
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
