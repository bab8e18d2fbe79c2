import { imageSize } from '../base/examples.ts';
import type { Subject } from '../base/examples.ts';
import type { Found, Method } from '../method.ts';
import type { AttackOptions } from '../options.ts';
import { createOracle } from '../base/oracle.ts';
import type { Oracle } from '../base/oracle.ts';
import type { Candidate } from '../base/outcome.ts';
import type { AttackSteps } from '../ascent/steps.ts';

/** Images that an attack wants to be judged: pixels [count, height, width, channels]. */
export interface Question {
  readonly images: Float32Array;
  readonly count: number;
}

/** What an attack on one example found, see `Candidate`; its row is known. */
export interface Finding extends Omit<Candidate, 'row'> {
  /** Questions' images whose logits were not finite. */
  readonly nonFinite: number;
}

/**
 * An attack on one example, written as if it were alone: it yields images and is given their logits,
 * [count, classes]. What it does depends on nothing else, so neither does its result.
 */
export type Inquiry = Generator<Question, Finding, Float32Array>;

/** Values that the questions of one example may hold at once: many images of MNIST, one of ImageNet. */
const VALUES_AT_ONCE = 2 ** 16;

interface Live {
  readonly row: number;
  readonly inquiry: Inquiry;
  readonly question: Question;
  readonly logits: Float32Array;
  /** Images of the question that are answered. */
  readonly sent: number;
  /** Images judged in all. */
  readonly asked: number;
}

/** Images that one question should hold at most, for images of `size` values. */
export function questionSize(size: number): number {
  return Math.min(64, Math.max(1, Math.floor(VALUES_AT_ONCE / size)));
}

/**
 * Carries on the inquiries of rows of any number side by side: each call of the oracle holds the questions of many rows,
 * and rows that are done make room for others, so that batches stay full. What comes of a row depends on no other row.
 * @param begin the inquiry of a row.
 * @param budget images that one row may ask for, at most.
 * @param onWork called after each batch with the images judged, and how many may still come.
 * @returns what was found, in pieces of about a batch.
 * @throws AppError `cancelled`.
 */
export async function* runInquiries(
  rows: readonly number[],
  begin: (row: number) => Inquiry,
  budget: number,
  oracle: Oracle,
  { examples, batchSize }: Pick<AttackOptions, 'examples' | 'batchSize'>,
  onWork: (done: number, left: number) => void,
): AsyncGenerator<Found> {
  const size = imageSize(examples.shape);
  const waiting = [...rows];
  let live: Live[] = [];
  let candidates: Candidate[] = [];
  let nonFinite = 0;

  /** The inquiry up to its next question; null if it is over. */
  const carryOn = (row: number, inquiry: Inquiry, asked: number, answer: Float32Array | null): Live | null => {
    const { done, value } = answer ? inquiry.next(answer) : inquiry.next();
    if (!done) return { row, inquiry, question: value, logits: new Float32Array(0), sent: 0, asked };
    const { nonFinite: failures, ...found } = value;
    candidates.push({ row, ...found });
    nonFinite += failures;
    return null;
  };

  while (live.length > 0 || waiting.length > 0) {
    let open = live.reduce((sum, { question, sent }) => sum + question.count - sent, 0);
    while (open < batchSize && waiting.length > 0) {
      const row = waiting.shift();
      const entering = row === undefined ? null : carryOn(row, begin(row), 0, null);
      if (entering) live.push(entering);
      open += entering?.question.count ?? 0;
    }
    if (open === 0) break;
    const parts: { readonly at: number; readonly from: number; readonly count: number }[] = [];
    let filled = 0;
    const batch = new Float32Array(Math.min(batchSize, open) * size);
    for (const [at, { question, sent }] of live.entries()) {
      const count = Math.min(question.count - sent, batchSize - filled);
      if (count <= 0) break;
      batch.set(question.images.subarray(sent * size, (sent + count) * size), filled * size);
      parts.push({ at, from: sent, count });
      filled += count;
    }
    const logits = await oracle(batch, filled);
    const classes = logits.length / filled;
    let from = 0;
    const next: Live[] = live.slice(parts.length);
    for (const part of parts) {
      const entry = live[part.at];
      if (!entry) continue;
      const answer = entry.logits.length > 0 ? entry.logits : new Float32Array(entry.question.count * classes);
      answer.set(logits.subarray(from * classes, (from + part.count) * classes), part.from * classes);
      from += part.count;
      const now = { ...entry, logits: answer, sent: entry.sent + part.count, asked: entry.asked + part.count };
      // An unfinished question goes to the front: its row has waited longest.
      if (now.sent < now.question.count) next.unshift(now);
      else {
        const further = carryOn(now.row, now.inquiry, now.asked, answer);
        if (further) next.push(further);
      }
    }
    live = next;
    const left = live.reduce((sum, { asked }) => sum + Math.max(0, budget - asked), waiting.length * budget);
    onWork(filled, left);
    if (candidates.length >= batchSize) {
      yield { candidates, nonFinite };
      [candidates, nonFinite] = [[], 0];
    }
  }
  if (candidates.length > 0) yield { candidates, nonFinite };
}

/**
 * The method of an attack that is written as inquiries.
 * @param budget images that one row may ask for in one restart, at most.
 * @param begin the inquiry of a row.
 */
export function inquiryMethod(
  steps: AttackSteps,
  subject: Subject,
  options: AttackOptions,
  budget: number,
  begin: (row: number, restart: number) => Inquiry,
): Method {
  const oracle = createOracle(steps, subject, options);
  return {
    run: (rows, restart, onWork) => runInquiries(rows, (row) => begin(row, restart), budget, oracle, options, onWork),
    notes: () => [],
    dispose: () => {},
  };
}
