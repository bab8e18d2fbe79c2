import type { TrainConfig, TrainerSettings } from '../../../shared/domain/training.ts';

/** Of one-cycle: share of the rise, and how much lower the rate is at the start and, from there, at the end. */
const RISE = 0.3;
const START_DIVISOR = 25;
const END_DIVISOR = 1e4;

/**
 * Learning rate of a step.
 * @param step steps done so far, 0 … total − 1
 */
export function learningRateAt(
  settings: TrainerSettings,
  step: number,
  total: number,
  cuts: TrainConfig['rateCuts'] = [],
): number {
  const cut = cuts.reduce((product, { after, factor }) => (step >= after ? product * factor : product), 1);
  return settings.learningRate * cut * rateShareAt(settings, step, total);
}

/** The same as a share of the highest rate, in [0, 1]. */
function rateShareAt(settings: TrainerSettings, step: number, total: number): number {
  const { schedule, gamma } = settings;
  if (schedule === 'one-cycle') return oneCycle(settings.learningRateWarmup ?? RISE, step, total);
  const warmup = Math.round((settings.learningRateWarmup ?? 0) * total);
  if (step < warmup) return (step + 1) / warmup;
  const done = (step - warmup) / (total - warmup);
  switch (schedule) {
    case 'constant':
      return 1;
    case 'step':
      return gamma ** milestonesOf(settings).filter((share) => step >= Math.round(share * total)).length;
    case 'linear':
      return 1 - done;
    case 'cosine':
      return (1 + Math.cos(Math.PI * done)) / 2;
  }
}

/**
 * From a 25th of the rate to the rate over the first share of the steps, then to a ten-thousandth of the start, both
 * along a half cosine (Smith & Topin 2018, arXiv 1708.07120; the phases are those of PyTorch's OneCycleLR).
 */
function oneCycle(rise: number, step: number, total: number): number {
  const between = (from: number, to: number, share: number): number =>
    to + ((from - to) * (1 + Math.cos(Math.PI * share))) / 2;
  const top = rise * total - 1;
  const end = total - 1;
  if (step <= top) return between(1 / START_DIVISOR, 1, top <= 0 ? 1 : step / top);
  return between(1, 1 / START_DIVISOR / END_DIVISOR, end <= top ? 1 : (step - top) / (end - top));
}

/** The shares of the run after which the rate falls, of a text such as `0.5, 0.75`. */
export function milestonesOf({ milestones }: Pick<TrainerSettings, 'milestones'>): readonly number[] {
  return milestones.split(/[,;\s]+/).flatMap((part) => (part === '' ? [] : [Number(part)]));
}

/**
 * Share of ε that the inner attack has in a step: rises to 1 over the warm-up.
 * @param step steps done so far, 0 … total − 1
 * @returns in (0, 1]
 */
export function epsilonShareAt(
  {
    epsilonWarmup,
    epsilonSchedule,
    epsilonStart,
  }: Pick<TrainerSettings, 'epsilonWarmup' | 'epsilonSchedule' | 'epsilonStart'>,
  step: number,
  total: number,
): number {
  const risen = Math.min(1, (step + 1) / Math.max(1, epsilonWarmup * total));
  const share = epsilonSchedule === 'cosine' ? (1 - Math.cos(Math.PI * risen)) / 2 : risen;
  return epsilonStart + (1 - epsilonStart) * share;
}
