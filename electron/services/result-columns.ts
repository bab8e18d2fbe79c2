import type { EvaluationResult } from '../../shared/domain/evaluation.ts';
import type { EvaluationRow } from '../../shared/domain/library.ts';
import type { ResolvedAttack } from '../compute/attacks/registry.ts';

/** One evaluation with a result, whose numbers for all models of one threat stand in one column. */
export interface Measured {
  readonly request: EvaluationRow['request'];
  readonly result: EvaluationResult;
  readonly attack: ResolvedAttack;
}

/** The same for evaluations that measure the same thing: threat, source, attack with all settings, images. */
export function columnKey(threat: string, measured: Measured): string {
  return JSON.stringify([...allButSettings(threat, measured), sorted(measured.attack.settings)]);
}

/**
 * Columns that share a family differ in nothing but ε. An attack with a step size is in two: with those of the same step
 * size, and with those whose step size is the same share of ε.
 */
export function familiesOf(threat: string, measured: Measured): string[] {
  const { epsilon, stepSize, ...others } = measured.attack.settings;
  const steps =
    typeof stepSize !== 'number' || typeof epsilon !== 'number' || epsilon === 0
      ? ['no step']
      : [`step ${stepSize.toPrecision(6)}`, `step ${(stepSize / epsilon).toPrecision(6)} ε`];
  return steps.map((step) => JSON.stringify([...allButSettings(threat, measured), sorted(others), step]));
}

function allButSettings(threat: string, { request, result }: Measured): readonly unknown[] {
  return [threat, request.source, request.attack.name, request.includeMisclassified, imagesKey(result)];
}

function sorted(settings: ResolvedAttack['settings']): readonly unknown[] {
  return Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Tells sets of images apart: their number, sum, and ends are enough for prefixes and seeded samples. */
export function imagesKey({ indices }: EvaluationResult): string {
  const sum = indices.reduce((total, index, row) => total + index * (row + 1), 0);
  return [indices.length, indices[0], indices.at(-1), sum].join(':');
}

/**
 * A column's heading: `PGD-40, ε 0.25 from surrogate, 500 validation images`. The images are named where the table has
 * several sets of them, and where they are not of the test part.
 * @param source the source's name; null for white-box.
 */
export function columnLabel(
  { request, result, attack }: Measured,
  source: string | null,
  severalSets: boolean,
): string {
  const { split, sample, seed } = request.examples;
  const part = split === 'test' ? '' : `${split} `;
  const count = severalSets ? `${result.indices.length} ` : '';
  const images = part === '' && count === '' ? '' : `, ${count}${part}images`;
  const chosen = severalSets && sample ? ` (sample ${seed})` : '';
  return `${attack.label}${source === null ? '' : ` from ${source}`}${images}${chosen}`;
}
