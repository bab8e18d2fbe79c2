import { stream } from '../random/stream.ts';
import { boundsOf } from './budget.ts';
import { imageSize } from './examples.ts';
import type { Subject } from './examples.ts';
import { inquiryMethod } from './inquiry.ts';
import type { Inquiry } from './inquiry.ts';
import type { Method } from './method.ts';
import type { AttackOptions } from './options.ts';
import { isHit, predictionOf } from './outcome.ts';
import { squareSide } from './square-side.ts';
import type { SquarePlan } from './square-method.ts';
import type { AttackSteps } from './steps.ts';

/** The attack on a model that only answers: the same draws and squares as on a network, one example at a time. */
export function createSquareInquiry(steps: AttackSteps, subject: Subject, options: AttackOptions<SquarePlan>): Method {
  return inquiryMethod(steps, subject, options, options.plan.queries, (row, restart) =>
    squareInquiry(options, row, restart),
  );
}

function* squareInquiry(options: AttackOptions<SquarePlan>, row: number, restart: number): Inquiry {
  const { examples, plan, seed } = options;
  const [height, width, channels] = examples.shape;
  const size = imageSize(examples.shape);
  const label = examples.labels[row] ?? 0;
  const random = stream(seed, 'square', examples.indices[row] ?? 0, restart);
  const { lower, upper } = boundsOf(examples.images.slice(row * size, (row + 1) * size), plan.epsilon);
  const line = Array.from({ length: width * channels }, () => random.integer(2) === 1);
  let best: Float32Array = lower.map((low, at) => (line[at % line.length] ? (upper[at] ?? 0) : low));
  let margin = -Infinity;
  let nonFinite = 0;
  for (let query = 0; query < plan.queries; query += 1) {
    const tried = query === 0 ? best : paintSquare(query);
    const logits: Float32Array = yield { images: tried, count: 1 };
    const found = marginOf(logits, label);
    if (!Number.isFinite(found)) nonFinite += 1;
    const broken = isHit(options, row, predictionOf(logits, 0, logits.length));
    if (broken) return { image: tried, iteration: query, lastWrong: true, nonFinite };
    if (found > margin) [best, margin] = [tried, found];
  }
  return { image: best, iteration: -1, lastWrong: false, nonFinite };

  /** A square that is there already would waste a query: its colours are turned round. */
  function paintSquare(query: number): Float32Array {
    const side = squareSide(query, plan, height, width);
    const [top, left] = [random.integer(height - side + 1), random.integer(width - side + 1)];
    const up = Array.from({ length: channels }, () => random.integer(2) === 1);
    const paint = (turned: boolean): { readonly image: Float32Array; readonly changed: boolean } => {
      const image = best.slice();
      let changed = false;
      for (let y = top; y < top + side; y += 1) {
        for (let x = left; x < left + side; x += 1) {
          for (let channel = 0; channel < channels; channel += 1) {
            const at = (y * width + x) * channels + channel;
            image[at] = ((up[channel] ?? false) !== turned ? upper : lower)[at] ?? 0;
            changed ||= image[at] !== best[at];
          }
        }
      }
      return { image, changed };
    };
    const drawn = paint(false);
    return drawn.changed ? drawn.image : paint(true).image;
  }
}

/** max_{k ≠ y} z_k − z_y; NaN if a logit is not finite. */
function marginOf(logits: Float32Array, label: number): number {
  if (!logits.every(Number.isFinite)) return NaN;
  const others = logits.filter((_, k) => k !== label);
  return Math.max(...others) - (logits[label] ?? NaN);
}
