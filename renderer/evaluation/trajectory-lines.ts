import type { Trajectory, TrajectoryPoint } from '../../shared/domain/trajectory.ts';

/** What is drawn of each point, in the order of the legend. */
export const TRAJECTORY_CURVES = ['loss', 'margin', 'trueLogit', 'wrongLogit'] as const;
export type TrajectoryCurve = (typeof TRAJECTORY_CURVES)[number];

/** One curve over the images that were shown; numbers that were not finite break it. */
export function trajectoryPoints(
  { points }: Pick<Trajectory, 'points'>,
  curve: TrajectoryCurve,
): readonly (readonly [pass: number, value: number])[] {
  return points.map((point) => [point.pass, point[curve] ?? Number.NaN] as const);
}

/** Position of the first image that is not taken for the true class; null if all are. */
export function firstWrong(points: readonly TrajectoryPoint[], label: number): number | null {
  const found = points.findIndex(({ prediction }) => prediction >= 0 && prediction !== label);
  return found < 0 ? null : found;
}

/** Least and greatest finite value of all curves together; [0, 1] without one. */
export function trajectoryRange(points: readonly TrajectoryPoint[]): readonly [low: number, high: number] {
  const values = points.flatMap((point) => TRAJECTORY_CURVES.flatMap((curve) => point[curve] ?? []));
  if (values.length === 0) return [0, 1];
  return [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
}
