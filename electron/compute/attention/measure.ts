import type { KeyAreaMeasure } from '../../../shared/domain/gallery.ts';
import { bootstrapMean, bootstrapRatio, type BootstrapEstimate } from '../statistics/bootstrap.ts';
import { areaMean, cosine, intersectionOverUnion, mapRow, normalised, topArea, type MapRows } from './key-area.ts';

export interface MethodMaps {
  readonly clean: MapRows;
  readonly adversarial: MapRows;
  readonly noise: MapRows;
}

type Estimates = Omit<KeyAreaMeasure, 'model' | 'method' | 'layer' | 'resolution'>;

export interface MethodMeasure {
  readonly estimates: Estimates;
  /** Mean of the normalised map inside the key area, for each row. */
  readonly clean: readonly number[];
  readonly adversarial: readonly number[];
}

/**
 * The key-area measures of one model and method: how much of the normalised attention lies in the key area for x, x'
 * and the noise control, and how alike the maps of x and x' are. Ratios are ratios of means over the examples (a
 * single example's mean can be 0), null where the lower mean is 0. Intervals are 95 % bootstrap intervals over the examples; raw values compare
 * within one model only.
 * @param areas the key area of each row
 * @param topPercent share of the positions that the areas compared by IoU have
 */
export function measureMethod(
  maps: MethodMaps,
  areas: readonly Uint8Array[],
  topPercent: number,
  seed: number,
): MethodMeasure {
  const inside = (rows: MapRows): number[] => areas.map((area, row) => areaMean(normalised(mapRow(rows, row)), area));
  const raw = (rows: MapRows): number => mean(areas.map((area, row) => areaMean(mapRow(rows, row), area)));
  const clean = inside(maps.clean);
  const adversarial = inside(maps.adversarial);
  const noise = inside(maps.noise);
  const overlap = areas.map((_, row) =>
    intersectionOverUnion(
      topArea(mapRow(maps.clean, row), topPercent),
      topArea(mapRow(maps.adversarial, row), topPercent),
    ),
  );
  const likeness = areas.map((_, row) => cosine(mapRow(maps.clean, row), mapRow(maps.adversarial, row)));
  const options = { seed };
  return {
    clean,
    adversarial,
    estimates: {
      clean: bootstrapMean(clean, options),
      adversarial: bootstrapMean(adversarial, options),
      noise: bootstrapMean(noise, options),
      ratioToClean: ratio(adversarial, clean, seed),
      ratioToNoise: ratio(adversarial, noise, seed),
      iou: bootstrapMean(overlap, options),
      cosine: bootstrapMean(likeness, options),
      rawClean: raw(maps.clean),
      rawAdversarial: raw(maps.adversarial),
    },
  };
}

function ratio(above: readonly number[], below: readonly number[], seed: number): BootstrapEstimate | null {
  return mean(below) > 0 ? bootstrapRatio(above, below, { seed }) : null;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
