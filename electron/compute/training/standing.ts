import type { TrainPoint } from '../../../shared/domain/train-point.ts';
import type { TrainerSettings } from '../../../shared/domain/training.ts';

export type ValidationPoint = Extract<TrainPoint, { type: 'validation' }>;
export type ProbePoint = Extract<TrainPoint, { type: 'probe' }>;

/** What a validation says of weights, and of their averages where there are any; 0…1. */
export type Measured = Pick<ValidationPoint, 'cleanAccuracy' | 'adversarialAccuracy' | 'ema'>;

/** Where a run stands by its validations. */
export interface Standing {
  /** The validation with the highest robust accuracy, the first one of equals; null before there is one. */
  readonly best: ValidationPoint | null;
  /** Validations since then. */
  readonly since: number;
}

/** Accuracies of the weights that a run is judged by: the averaged ones where there are any. */
export function judged(point: Measured): {
  readonly cleanAccuracy: number;
  readonly adversarialAccuracy: number;
} {
  return point.ema ?? point;
}

/** Worked out from all validations so far, so that a run that goes on stands where it stood. */
export function standingOf(validations: readonly ValidationPoint[]): Standing {
  return validations.reduce<Standing>(
    ({ best, since }, point) =>
      best === null || judged(point).adversarialAccuracy > judged(best).adversarialAccuracy
        ? { best: point, since: 0 }
        : { best, since: since + 1 },
    { best: null, since: 0 },
  );
}

/** Whether early stopping ends the run here. */
export function isOut({ patience }: Pick<TrainerSettings, 'patience'>, { since }: Standing): boolean {
  return patience !== null && since >= patience;
}
