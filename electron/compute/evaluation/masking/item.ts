import type { CheckChart, CheckFigure, CheckItem, CheckItemName, Verdict } from '../../../../shared/domain/check.ts';
import type { AttackSpec } from '../../../../shared/domain/evaluation.ts';
import type { Probe } from './probe.ts';
import type { Limits } from './thresholds.ts';

/** What one part of the check found. */
export interface Finding {
  readonly figures: readonly CheckFigure[];
  /** A sentence for somebody who is new to the matter. */
  readonly finding: string;
  /** What to run next; null if nothing is open. */
  readonly next: string | null;
  /** The attack that it asks for; left out where no single one answers it. */
  readonly attack?: AttackSpec | null;
  readonly chart?: CheckChart;
}

/** One part of the gradient-masking check. */
export interface MaskingItem {
  readonly item: CheckItemName;
  readonly title: string;
  /** Whether it needs gradients: of a model with a forward pass alone it is then unknown. */
  readonly gradients: boolean;
  /** Share of the whole check's time, roughly; for the progress alone. */
  readonly weight: number;
  /** @throws AppError `cancelled`. */
  run(probe: Probe): Promise<Finding>;
}

/** The item as reports show it: its verdict is the worst of its figures'. */
export function judge({ item, title }: MaskingItem, { figures, finding, next, attack, chart }: Finding): CheckItem {
  return {
    item,
    title,
    verdict: worstOf(figures.map(gradeOf)),
    figures: [...figures],
    finding,
    next,
    attack: attack ?? null,
    chart: chart ?? null,
  };
}

export function unknown({ item, title }: MaskingItem, { finding, next, attack }: Omit<Finding, 'figures'>): CheckItem {
  return { item, title, verdict: 'unknown', figures: [], finding, next, attack: attack ?? null, chart: null };
}

export function figure(
  label: string,
  value: number | null,
  unit: CheckFigure['unit'],
  { amber, red }: Limits,
): CheckFigure {
  return { label, value: value !== null && Number.isFinite(value) ? value : null, unit, amber, red };
}

/** Rounding of shares must not push a figure over a limit that it meets exactly. */
const SLACK = 1e-9;

export function gradeOf({ value, amber, red }: CheckFigure): Verdict {
  if (value === null) return 'unknown';
  if (red !== null && value > red + SLACK) return 'red';
  if (amber !== null && value > amber + SLACK) return 'amber';
  return 'green';
}

const SEVERITY: readonly Verdict[] = ['green', 'unknown', 'amber', 'red'];

export function worstOf(verdicts: readonly Verdict[]): Verdict {
  return verdicts.reduce((worst, one) => (SEVERITY.indexOf(one) > SEVERITY.indexOf(worst) ? one : worst), 'green');
}

/** `12.5 points`, `1 point` */
export function pointsText(value: number): string {
  const text = Number(value.toFixed(1)).toString();
  return `${text} ${text === '1' ? 'point' : 'points'}`;
}

/** `62.5 %` of a share. */
export function percentText(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
