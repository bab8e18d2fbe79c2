interface Estimate {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Whether a ratio differs from 1 as far as its 95 % interval can tell. */
export function ratioVerdict(ratio: Estimate): 'lower' | 'higher' | 'unclear' {
  if (ratio.high < 1) return 'lower';
  return ratio.low > 1 ? 'higher' : 'unclear';
}

/** Half the width of an interval, the larger side, with the digits that it deserves: `±0.02`; empty for none. */
export function plusMinus(estimate: Estimate | null, digits = 2): string {
  if (!estimate) return '';
  return `±${Math.max(estimate.high - estimate.mean, estimate.mean - estimate.low).toFixed(digits)}`;
}
