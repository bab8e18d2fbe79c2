import { AppError } from '../../../../shared/domain/errors.ts';
import type { ModelProbe, ModelReading, ProbedReading, ReadingHint } from '../../../../shared/domain/model.ts';
import type { ImageShape } from '../../../../shared/domain/shape.ts';
import { extentsOf, readPixels } from './reading.ts';
import type { ForeignSession } from './session.ts';

type Scaling = Pick<ModelReading, 'range' | 'normalisation'>;

/** Images of a data set that a model is tried on. */
export interface ProbeImages {
  /** Pixels in [0, 1], [count, height, width, channels]. */
  readonly images: Float32Array;
  readonly labels: Int32Array;
  readonly shape: ImageShape;
  readonly classes: number;
}

/** Normalisations that published models of these channels are trained with, and their names. */
const PUBLISHED: Readonly<Record<number, readonly (readonly [string, readonly number[], readonly number[]])[]>> = {
  1: [['MNIST', [0.1307], [0.3081]]],
  3: [
    ['ImageNet', [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]],
    ['CIFAR-10', [0.4914, 0.4822, 0.4465], [0.247, 0.2435, 0.2616]],
  ],
};
/** A normalisation worked out from the images themselves must be so much better to come before a known one. */
const OWN_HANDICAP = 0.02;
const OWN_LABEL = 'mean and deviation of this data set';
const SUM_TOLERANCE = 1e-3;

/**
 * Tries a model on images of a data set under every reading that fits, best first; at equal accuracy the plainer one.
 * @param hint what is known of the reading already: only readings that agree with it are tried.
 * @throws AppError `wrong-architecture` if its inputs or classes are other than the data set's; `bad-data` for outputs
 *   that are not finite; and the session's errors.
 */
export async function probeModel(
  session: ForeignSession,
  data: ProbeImages,
  hint: ReadingHint,
  name: string,
): Promise<ModelProbe> {
  const layouts = fittingLayouts(session, data.shape, name).filter((layout) => (hint.layout ?? layout) === layout);
  if (layouts.length === 0) throw unfit(session, data.shape, name);
  requireClasses(session.classes ?? data.classes, data, name);
  const readings: ProbedReading[] = [];
  for (const layout of layouts) {
    for (const { label, ...scaling } of scalings(data, hint)) {
      const input = readPixels({ layout, output: 'logits', ...scaling }, data.images, data.shape);
      const outputs = await session.run(input, data.labels.length, extentsOf(layout, data.shape));
      requireClasses(outputs.length / data.labels.length, data, name);
      const output = hint.output ?? (areProbabilities(outputs, data.classes) ? 'probabilities' : 'logits');
      const known = label !== OWN_LABEL;
      readings.push({
        reading: { layout, output, ...scaling },
        label,
        accuracy: accuracyOf(outputs, data, name),
        known,
      });
    }
  }
  const merit = ({ known, accuracy }: ProbedReading): number => accuracy - (known ? 0 : OWN_HANDICAP);
  const best = readings.toSorted((a, b) => merit(b) - merit(a));
  return {
    format: session.format,
    inputShape: data.shape,
    classes: data.classes,
    examples: data.labels.length,
    readings: best,
  };
}

/** The layouts in which the data set's images fit the model's input; extents that the file leaves open fit anything. */
function fittingLayouts({ extents }: ForeignSession, shape: ImageShape, name: string): ModelReading['layout'][] {
  if (extents.length !== 3)
    throw new AppError('unsupported', `${name} takes inputs of ${extents.length + 1} axes, not 4.`);
  return (['nchw', 'nhwc'] as const).filter((layout) =>
    extentsOf(layout, shape).every((extent, axis) => extents[axis] === null || extents[axis] === extent),
  );
}

function scalings(
  { images, shape }: ProbeImages,
  hint: ReadingHint,
): readonly (Scaling & { readonly label: string })[] {
  if (hint.range !== undefined || hint.normalisation !== undefined) {
    const { range = 'unit', normalisation = null } = hint;
    return [{ range, normalisation, label: 'as given' }];
  }
  const [, , channels] = shape;
  const own = statistics(images, channels);
  return [
    { range: 'unit', normalisation: null, label: 'pixels 0 to 1' },
    { range: 'bytes', normalisation: null, label: 'pixels 0 to 255' },
    { range: 'signed', normalisation: null, label: 'pixels −1 to 1' },
    ...(PUBLISHED[channels] ?? []).map(([of, mean, deviation]) => ({
      range: 'unit' as const,
      normalisation: { mean: [...mean], deviation: [...deviation] },
      label: `mean and deviation of ${of}`,
    })),
    { range: 'unit', normalisation: own, label: OWN_LABEL },
  ];
}

/** Mean and deviation of each channel, to four digits. */
function statistics(images: Float32Array, channels: number): { readonly mean: number[]; readonly deviation: number[] } {
  const sums = Array.from({ length: channels }, () => ({ sum: 0, squares: 0 }));
  images.forEach((value, at) => {
    const channel = sums[at % channels];
    if (!channel) return;
    channel.sum += value;
    channel.squares += value * value;
  });
  const count = images.length / channels;
  const digits = (value: number): number => Math.round(value * 1e4) / 1e4;
  return {
    mean: sums.map(({ sum }) => digits(sum / count)),
    deviation: sums.map(({ sum, squares }) => Math.max(1e-4, digits(Math.sqrt(squares / count - (sum / count) ** 2)))),
  };
}

/** Whether each row has numbers from 0 to 1 that add up to 1. */
function areProbabilities(outputs: Float32Array, classes: number): boolean {
  for (let row = 0; row < outputs.length; row += classes) {
    const values = outputs.subarray(row, row + classes);
    if (values.some((value) => value < 0 || value > 1 + SUM_TOLERANCE)) return false;
    if (Math.abs(values.reduce((sum, value) => sum + value, 0) - 1) > SUM_TOLERANCE) return false;
  }
  return true;
}

function accuracyOf(outputs: Float32Array, { labels, classes }: ProbeImages, name: string): number {
  let right = 0;
  labels.forEach((label, row) => {
    const values = outputs.subarray(row * classes, (row + 1) * classes);
    if (!values.every(Number.isFinite)) {
      throw new AppError(
        'bad-data',
        `${name} gives outputs that are not finite numbers, for image ${row} of those tried.`,
        {
          details: { file: name, row },
        },
      );
    }
    if (values.indexOf(Math.max(...values)) === label) right += 1;
  });
  return labels.length === 0 ? 0 : right / labels.length;
}

function requireClasses(found: number, { classes }: ProbeImages, name: string): void {
  if (found === classes) return;
  throw new AppError(
    'wrong-architecture',
    `${name} has ${found} classes and the data set ${classes}. Choose the data set that it was trained on.`,
    { details: { file: name, expected: classes, found } },
  );
}

function unfit({ extents }: ForeignSession, [height, width, channels]: ImageShape, name: string): AppError {
  const found = extents.map((extent) => extent ?? 'any').join('×');
  return new AppError(
    'wrong-architecture',
    `${name} takes inputs of ${found}, and images of this data set (${height}×${width}, ${channels} channels) fit in neither order. Choose the data set that it was trained on, or import it at that size.`,
    { details: { file: name, expected: `${height}×${width}×${channels}`, found } },
  );
}
