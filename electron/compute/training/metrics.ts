import { appendFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { trainPoint, type TrainPoint } from '../../../shared/domain/train-point.ts';
import type { ProbePoint, ValidationPoint } from './standing.ts';
import { writeAtomic, writeError } from '../arrays/atomic.ts';

export const METRICS_FILE = 'metrics.jsonl';

/** A run's `metrics.jsonl`, one {@link TrainPoint} a line, in the order of the steps. */
export interface Metrics {
  append(point: TrainPoint): void;
  /** All validations, in their order. */
  readonly validations: readonly ValidationPoint[];
  /** All probes, in their order. */
  readonly probes: readonly ProbePoint[];
}

/**
 * Opens the metrics of a run that has done `step` steps: later lines, and a line cut short by a crash, are dropped.
 * @throws AppError `library-full`, `library-read-only`, `io`.
 */
export async function openMetrics(folder: string, step: number): Promise<Metrics> {
  const file = join(folder, METRICS_FILE);
  const points = step === 0 ? [] : (await readPoints(file)).filter((point) => point.step <= step);
  await writeAtomic(file, points.map((point) => `${JSON.stringify(point)}\n`).join(''));
  const validations = points.filter((point) => point.type === 'validation');
  const probes = points.filter((point) => point.type === 'probe');
  return {
    append(point) {
      try {
        appendFileSync(file, `${JSON.stringify(point)}\n`);
      } catch (cause) {
        throw writeError(file, cause);
      }
      if (point.type === 'validation') validations.push(point);
      if (point.type === 'probe') probes.push(point);
    },
    validations,
    probes,
  };
}

/** The points of a metrics file; lines that are not one are left out, a missing file has none. */
export async function readPoints(file: string): Promise<TrainPoint[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    const parsed = trainPoint.safeParse(parseLine(line));
    return parsed.success ? [parsed.data] : [];
  });
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
