import { extname } from 'node:path';
import { AppError } from '../../../../shared/domain/errors.ts';
import type { ForeignModel } from '../../../../shared/domain/model.ts';

/** A model of another program, open for forward passes. */
export interface ForeignSession {
  readonly format: ForeignModel['format'];
  /** Extents of an input without the batch; null where the file leaves one open. */
  readonly extents: readonly (number | null)[];
  /** null where the file leaves it open. */
  readonly classes: number | null;
  /**
   * @param input [count, ...extents]
   * @returns [count, classes], whatever they are: logits or probabilities.
   * @throws AppError `bad-data` if the model fails on it.
   */
  run(input: Float32Array, count: number, extents: readonly number[]): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/** Which kind of model a file is by its name; null for weights of a network of the architecture registry. */
export function foreignFormat(file: string): ForeignModel['format'] | null {
  const ending = extname(file).toLowerCase();
  return ending === '.onnx' ? 'onnx' : ending === '.json' ? 'tfjs' : null;
}

/**
 * Opens a model file for forward passes.
 * @param threads for a runtime that has its own; a LayersModel runs on the engine that is loaded.
 * @throws AppError `not-found`, `bad-data` for a damaged file, `unsupported` for inputs or outputs that no image
 *   classifier has.
 */
export async function openForeign(
  format: ForeignModel['format'],
  file: string,
  threads: number,
): Promise<ForeignSession> {
  if (format === 'onnx') return (await import('./onnx.ts')).openOnnx(file, threads);
  return (await import('./tfjs.ts')).openTfjs(file);
}

/** What is wrong with a model's inputs or outputs. */
export function unsupported(file: string, what: string, advice: string): AppError {
  return new AppError('unsupported', `${file} ${what}. ${advice}`, { details: { file } });
}
