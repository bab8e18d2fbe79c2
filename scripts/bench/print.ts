import { textTable } from '../../electron/cli/output.ts';
import type { ComparisonResult, FigureResult, Ratio, Verdict, WorkResult } from './results.ts';

/** One work's result as text for a terminal. */
export function describeResult(result: WorkResult): string {
  const title = `${result.name}: ${result.title}`;
  if (result.kind === 'skipped') return `${title}\n  ${result.failed ? 'failed' : 'skipped'}: ${result.reason}`;
  const { head, rows } = result.kind === 'comparison' ? comparisonTable(result) : result;
  const verdicts = result.verdicts.map(describeVerdict);
  const lines = [textTable(head, rows), ...verdicts, ...result.notes.map((note) => `note: ${note}`)];
  return [title, ...lines.join('\n').split('\n')].join('\n  ');
}

/** A comparison's sides as rows of text. */
export function comparisonTable(result: ComparisonResult): Pick<FigureResult, 'head' | 'rows'> {
  const robust = result.sides.some((side) => side.robust !== null);
  return {
    head: ['side', 'examples/s', 'ratio', 'CPU s', 'CPU ratio', 'peak MiB', ...(robust ? ['robust'] : []), 'version'],
    rows: result.sides.map((side) => [
      side.name,
      short(side.examplesPerSecond),
      describeRatio(side.ratio),
      short(side.cpuSecondsEach),
      side.cpuRatio ? side.cpuRatio.median.toFixed(2) : '–',
      String(Math.round(side.peakBytes / 2 ** 20)),
      ...(robust ? [side.robust === null ? '–' : `${side.robust.count} of ${side.robust.of}`] : []),
      side.version,
    ]),
  };
}

/** `1.52 [1.47, 1.61] of 7`, with what was left out or disturbed. */
function describeRatio(ratio: Ratio | null): string {
  if (ratio === null) return '–';
  const { median, low, high, pairs, leftOut, disturbed } = ratio;
  const remark = disturbed ? ', disturbed' : leftOut > 0 ? `, ${leftOut} left out` : '';
  return `${median.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}] of ${pairs}${remark}`;
}

/** `tensorflow ÷ the best peer (torch): 1.52 × (target ≥ 1.4: met)` */
export function describeVerdict({ what, value, unit, target, met, byCpu, disturbed }: Verdict): string {
  const cpu = byCpu === null ? '' : `; by CPU time ${byCpu.toFixed(2)}`;
  const doubt = `${cpu}${disturbed ? '; the machine was not quiet' : ''}`;
  return `${what}: ${short(value)} ${unit} (target ${target}: ${met ? 'met' : 'not met'}${doubt})`;
}

/** Three significant digits. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toFixed(Math.min(digits, 6));
}
