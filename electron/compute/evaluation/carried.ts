import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../../shared/domain/errors.ts';
import { exampleRecord } from '../../../shared/domain/evaluation.ts';
import type { ExampleRecord } from '../../../shared/domain/evaluation.ts';
import { readNpyRows } from '../arrays/npy.ts';
import { imageSize } from '../attacks/base/examples.ts';
import type { Examples } from '../attacks/base/examples.ts';
import type { Outcome } from '../attacks/base/outcome.ts';
import { EVALUATION_FILES } from './files.ts';

/** An earlier evaluation whose successes count. */
export interface CarrySource {
  readonly evaluation: string;
  readonly folder: string;
  readonly models: readonly string[];
}

/** An example that an earlier evaluation broke, and where its x' lies. */
interface Origin {
  readonly record: ExampleRecord;
  readonly folder: string;
}

/** What earlier evaluations broke of one target, by position in the data set; the first of them counts. */
export type CarriedOrigins = ReadonlyMap<number, Origin>;

/** @throws AppError `bad-data` if the records of an earlier evaluation cannot be read. */
export async function carriedOrigins(sources: readonly CarrySource[], model: string): Promise<CarriedOrigins> {
  const origins = new Map<number, Origin>();
  for (const source of sources) {
    if (!source.models.includes(model)) continue;
    const folder = join(source.folder, model);
    for (const record of await readRecords(join(folder, EVALUATION_FILES.examples))) {
      if (!record.broken || record.cleanPrediction !== record.label || origins.has(record.index)) continue;
      const carriedFrom = record.carriedFrom ?? source.evaluation;
      origins.set(record.index, { record: { ...record, carriedFrom }, folder });
    }
  }
  return origins;
}

/** The carried examples of one part of the data. */
export interface Carried {
  /** By row of the part. */
  readonly records: ReadonlyMap<number, ExampleRecord>;
  /** Marks them as broken and not to be attacked, with the x' and logits of their origin. */
  settle(outcome: Outcome): void;
}

export async function carriedOf(origins: CarriedOrigins, examples: Examples): Promise<Carried> {
  const found = [...examples.indices].flatMap((index, row) => {
    const origin = origins.get(index);
    return origin ? [{ row, ...origin }] : [];
  });
  const size = imageSize(examples.shape);
  const settled: { row: number; image: Float32Array; logits: Float32Array }[] = [];
  for (const folder of new Set(found.map((one) => one.folder))) {
    const own = found.filter((one) => one.folder === folder);
    const rows = own.map(({ record }) => record.row);
    const images = (await readNpyRows(join(folder, EVALUATION_FILES.adversarial), rows)).data as Float32Array;
    const logits = (await readNpyRows(join(folder, EVALUATION_FILES.logitsAdversarial), rows)).data as Float32Array;
    const classes = logits.length / rows.length;
    own.forEach(({ row }, at) =>
      settled.push({
        row,
        image: images.subarray(at * size, (at + 1) * size),
        logits: logits.subarray(at * classes, (at + 1) * classes),
      }),
    );
  }
  return {
    records: new Map(found.map(({ row, record }) => [row, record])),
    settle: (outcome) => {
      for (const { row, image, logits } of settled) {
        outcome.attacked[row] = 0;
        outcome.succeeded[row] = 1;
        outcome.adversarial.set(image, row * size);
        outcome.logits.set(logits, row * outcome.classes);
      }
    },
  };
}

async function readRecords(file: string): Promise<readonly ExampleRecord[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new AppError('not-found', `${file} of an earlier evaluation cannot be read. Run that one again.`, { cause });
  });
  const parsed = z.array(exampleRecord).safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new AppError('bad-data', `${file} of an earlier evaluation is damaged. Run that one again.`, {
    details: { file },
  });
}
