import { gatherRows, imageSize } from '../../attacks/base/examples.ts';
import { stream } from '../../random/stream.ts';
import { inputGradients } from './input-gradients.ts';
import { figure } from './item.ts';
import type { MaskingItem } from './item.ts';
import { squareAt } from './probe.ts';
import type { Probe } from './probe.ts';
import { THRESHOLDS } from './thresholds.ts';

/** The step over which the gradient's prediction is checked, as a share of ε. */
const STEP_SHARE = 1 / 8;

/**
 * Is the loss as smooth as an attack takes it to be? The gradient g of the margin (largest other logit − true logit)
 * predicts that a step δ along its sign changes the margin by g·δ; the error |change − g·δ| / (|change| + |g·δ|) is 0
 * where the prediction is exact and 1 where the gradient says nothing (after the local linearity of Qin et al. 2019,
 * arXiv 1907.02610, section 3, scaled to be without unit).
 */
export const surface: MaskingItem = {
  item: 'surface',
  title: 'Loss surface',
  gradients: true,
  weight: 3,
  async run(probe) {
    const { epsilon, examples, right } = probe;
    const size = imageSize(examples.shape);
    const images = gatherRows(examples.images, right, size);
    const gradient = await inputGradients(probe, 'margin', right);
    const moved = new Float32Array(images.length);
    const predicted = new Float64Array(right.length);
    const signs = gradient.map((entry) => (Number.isFinite(entry) ? Math.sign(entry) : 0));
    images.forEach((pixel, at) => {
      const there = Math.min(1, Math.max(0, pixel + STEP_SHARE * epsilon * (signs[at] ?? 0)));
      moved[at] = there;
      const row = Math.floor(at / size);
      predicted[row] = (predicted[row] ?? 0) + (there - pixel) * (gradient[at] ?? 0);
    });
    const before = await margins(probe, images);
    const after = await margins(probe, moved);
    const errors = Float64Array.from(right, (_, at) => {
      const [change, guess] = [(after[at] ?? 0) - (before[at] ?? 0), predicted[at] ?? 0];
      const scale = Math.abs(change) + Math.abs(guess);
      // Where nothing changes and nothing is predicted, the gradient says nothing.
      return scale > 0 && Number.isFinite(scale) ? Math.abs(change - guess) / scale : 1;
    }).sort();
    const error = errors[Math.floor(errors.length / 2)] ?? Number.NaN;
    const bad = error > THRESHOLDS.nonlinearity.amber;
    const length = Number((STEP_SHARE * epsilon).toPrecision(3));
    return {
      figures: [
        figure(`Error of the gradient's prediction over ${length}, median`, error, 'number', THRESHOLDS.nonlinearity),
      ],
      finding: bad
        ? `The gradient misjudges what a step of ${length} does (median error ${error.toFixed(2)} of 1): close to the image the loss is not what its slope says.`
        : `The gradient tells well what a step of ${length} does (median error ${error.toFixed(2)} of 1).`,
      next: bad ? 'Attack with Square, and with large steps and many restarts.' : null,
      attack: bad ? squareAt(epsilon) : null,
      chart: await plane(probe, signs),
    };
  },
};

/** Loss of one example over the plane of its gradient's sign and a random sign direction. */
async function plane(
  probe: Probe,
  signs: Float32Array,
): Promise<NonNullable<Awaited<ReturnType<MaskingItem['run']>>['chart']>> {
  const { epsilon, examples, right, budget, seed, classes } = probe;
  const size = imageSize(examples.shape);
  const { standing } = await probe.longRun();
  const row = standing[0] ?? right[0] ?? 0;
  const direction = signs.subarray(right.indexOf(row) * size, (right.indexOf(row) + 1) * size);
  const image = examples.images.subarray(row * size, (row + 1) * size);
  const random = stream(seed, 'surface', examples.indices[row] ?? 0);
  const other = Float32Array.from({ length: size }, () => (random.bits() >>> 31 === 1 ? 1 : -1));
  const side = budget.surfaceSide;
  const offsets = Array.from({ length: side }, (_, at) => epsilon * ((2 * at) / (side - 1) - 1));
  const grid = new Float32Array(side * side * size);
  offsets.forEach((y, line) =>
    offsets.forEach((x, column) => {
      const from = (line * side + column) * size;
      for (let at = 0; at < size; at += 1) {
        const pixel = (image[at] ?? 0) + x * (direction[at] ?? 0) + y * (other[at] ?? 0);
        grid[from + at] = Math.min(1, Math.max(0, pixel));
      }
    }),
  );
  const logits = await probe.logits(grid, side * side);
  const label = examples.labels[row] ?? 0;
  const loss = (cell: number): number => {
    const values = Array.from(logits.subarray(cell * classes, (cell + 1) * classes));
    const top = Math.max(...values);
    return top + Math.log(values.reduce((sum, value) => sum + Math.exp(value - top), 0)) - (values[label] ?? 0);
  };
  return {
    kind: 'grid',
    xLabel: 'Along the gradient’s sign',
    yLabel: 'Along random signs',
    valueLabel: `Cross-entropy of image ${examples.indices[row] ?? 0}`,
    x: offsets,
    y: offsets,
    values: offsets.map((_, line) => offsets.map((__, column) => loss(line * side + column))),
  };
}

/** Largest other logit − true logit of images in the order of the rightly classified rows. */
async function margins({ logits, right, examples, classes }: Probe, images: Float32Array): Promise<Float64Array> {
  const values = await logits(images, right.length);
  return Float64Array.from(right, (row, at) => {
    const label = examples.labels[row] ?? 0;
    let other = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < classes; k += 1) if (k !== label) other = Math.max(other, values[at * classes + k] ?? 0);
    return other - (values[at * classes + label] ?? 0);
  });
}
