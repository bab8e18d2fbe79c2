import { AppError } from '../../../../shared/domain/errors.ts';
import { imageSize } from './examples.ts';
import type { Examples } from './examples.ts';

/** Pixels may be beside [0, 1] by what rounding to float32 makes of it. */
const SLACK = 1.2e-7;
/** How near to 1 the outputs of an image sum up if they are probabilities. */
const SUM_SLACK = 1e-3;

/**
 * Refuses what no attack can make sense of.
 * @throws AppError `bad-data` for pixels outside [0, 1], NaN, or a label that the model has no class for; `invalid-input`
 *   for a model of a single class.
 */
export function checkExamples({ images, labels, indices, shape }: Examples, classes: number): void {
  if (classes < 2) {
    throw new AppError('invalid-input', 'The model knows a single class: there is nothing that it could be led to.', {
      details: { field: 'model', classes },
    });
  }
  const pixel = images.findIndex((value) => !(value >= -SLACK && value <= 1 + SLACK));
  if (pixel >= 0) {
    const row = Math.floor(pixel / imageSize(shape));
    throw new AppError(
      'bad-data',
      `Image ${indices[row] ?? row} has a pixel of ${images[pixel]}; pixels must lie in [0, 1]. Import the data with its range, so that ε means what it says.`,
      { details: { index: indices[row] ?? row, found: images[pixel] ?? null } },
    );
  }
  const row = labels.findIndex((label) => label < 0 || label >= classes);
  if (row >= 0) {
    throw new AppError(
      'bad-data',
      `Image ${indices[row] ?? row} has the label ${labels[row]}, but the model knows ${classes} classes. Choose a model that was trained on this data set.`,
      { details: { index: indices[row] ?? row, found: labels[row] ?? null, expected: classes } },
    );
  }
}

/**
 * What is odd about a model's answers to images without an attack, and belongs beside every number of it.
 * @param logits [rows, classes]
 */
export function answerNotes(logits: Float32Array, { labels }: Pick<Examples, 'labels'>, classes: number): string[] {
  const rows = labels.length;
  const notes: string[] = [];
  let failed = 0;
  let likely = 0;
  for (let row = 0; row < rows; row += 1) {
    const own = logits.subarray(row * classes, (row + 1) * classes);
    if (!own.every(Number.isFinite)) failed += 1;
    else if (areProbabilities(own)) likely += 1;
  }
  if (failed > 0) {
    notes.push(
      `The model's logits are NaN or infinite for ${failed} of ${rows} images without an attack. They count as failures; check the weights.`,
    );
  }
  if (rows > 0 && likely === rows) {
    notes.push(
      'All outputs lie in [0, 1] and sum to 1: the model seems to give probabilities, not logits. Their gradients vanish where it is confident, which hides weaknesses. Export it without its last softmax.',
    );
  }
  if (rows > 1 && labels.every((label) => label === labels[0])) {
    notes.push(`All ${rows} images are of class ${labels[0]}: the number says nothing about the others.`);
  }
  return notes;
}

function areProbabilities(outputs: Float32Array): boolean {
  const sum = outputs.reduce((total, value) => total + value, 0);
  return Math.abs(sum - 1) < SUM_SLACK && outputs.every((value) => value >= 0 && value <= 1);
}
