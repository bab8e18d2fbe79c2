import { imageSize } from './examples.ts';
import type { Subject } from './examples.ts';
import type { AttackOptions } from '../options.ts';
import { createOracle } from './oracle.ts';
import type { Candidate } from './outcome.ts';
import type { AttackSteps } from '../ascent/steps.ts';

type Options = Pick<AttackOptions, 'examples' | 'batchSize' | 'control'>;

/** Logits of all examples without an attack, [rows, classes]. */
export async function cleanLogits(steps: AttackSteps, subject: Subject, options: Options): Promise<Float32Array> {
  const { images, labels } = options.examples;
  return createOracle(steps, subject, options)(images, labels.length);
}

/** Logits of candidates in their order, [candidates, classes]: those that they bring, or else computed. */
export async function candidateLogits(
  steps: AttackSteps,
  subject: Subject,
  candidates: readonly Pick<Candidate, 'image' | 'logits'>[],
  options: Options,
): Promise<Float32Array> {
  const size = imageSize(options.examples.shape);
  const { classes } = subject.network;
  const open = candidates.flatMap(({ logits }, at) => (logits ? [] : [at]));
  const images = new Float32Array(open.length * size);
  open.forEach((at, place) => images.set(candidates[at]?.image ?? [], place * size));
  const computed = await createOracle(steps, subject, options)(images, open.length);
  const all = new Float32Array(candidates.length * classes);
  candidates.forEach(({ logits }, at) => {
    if (logits) all.set(logits, at * classes);
  });
  open.forEach((at, place) => all.set(computed.subarray(place * classes, (place + 1) * classes), at * classes));
  return all;
}
