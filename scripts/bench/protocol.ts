import { z } from 'zod';
import { imageShape } from '../../shared/domain/shape.ts';

/** A network as both sides build it: an architecture's name, [height, width, channels], and the number of classes. */
export const benchNetwork = z.strictObject({
  architecture: z.string(),
  shape: imageShape,
  classes: z.int().min(2),
});
export type BenchNetwork = z.infer<typeof benchNetwork>;

const common = {
  /** Which of a program's sides it is: an engine of Pairlight, or a library in Python. */
  side: z.string(),
  threads: z.int().min(1),
  network: benchNetwork,
  batch: z.int().min(1),
  /** Existing folder that the side may write to. */
  folder: z.string(),
  /** Folder of the tensorflow engine pack; Python has no use for it. */
  enginePack: z.string().nullable(),
};

const pgd = {
  /** Gradient steps of one attack. */
  steps: z.int().min(1),
  /** Radius and step size in [0, 1] pixels. */
  epsilon: z.number(),
  stepSize: z.number(),
};

/**
 * What a side is to do over and over. One repetition is
 * `attack`: PGD on one batch that withstands it, so that every step sees the whole batch, and the verdict on it;
 * `make`: the same without a verdict: adversarial examples and no more;
 * `train`: one step of adversarial training, PGD on the batch and the update;
 * `robust`: one robust accuracy, of the next of `chunks` (packed data sets; after the last comes the first).
 */
export const sideTask = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('attack'), ...common, ...pgd, dataset: z.string(), weights: z.string() }),
  z.strictObject({ kind: z.literal('make'), ...common, ...pgd, dataset: z.string(), weights: z.string() }),
  z.strictObject({ kind: z.literal('train'), ...common, ...pgd, dataset: z.string() }),
  z.strictObject({
    kind: z.literal('robust'),
    ...common,
    attack: z.enum(['pgd', 'apgd', 'square']),
    /** Gradient steps, or queries of `square`. */
    steps: z.int().min(1),
    epsilon: z.number(),
    /** null where the attack chooses its own. */
    stepSize: z.number().nullable(),
    restarts: z.int().min(1),
    chunks: z.array(z.string()).min(1),
    weights: z.string(),
  }),
]);
export type SideTask = z.infer<typeof sideTask>;
export type SideTaskOf<K extends SideTask['kind']> = Extract<SideTask, { readonly kind: K }>;

/** A line to a side, after the first one, which is its task. */
export const sideOrder = z.strictObject({ do: z.int().min(1) });

/** A line from a side: first `ready`, then one `measured` for each order; `failed` ends it. */
export const sideReply = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), version: z.string() }),
  z.object({
    type: z.literal('measured'),
    /** Wall-clock and processor time of the repetitions, all threads. */
    seconds: z.number().positive(),
    cpuSeconds: z.number().min(0),
    /** Repetitions that were really done: a side may stop between two steps only. */
    repetitions: z.number().positive(),
    /** Peak resident memory of the process so far. */
    peakBytes: z.number().positive(),
    /** Examples that withstood, of a `robust` task; else null. */
    robust: z.int().nullable(),
  }),
  z.object({ type: z.literal('failed'), message: z.string() }),
]);
export type SideReply = z.infer<typeof sideReply>;
export type Measured = Extract<SideReply, { readonly type: 'measured' }>;
