import { join } from 'node:path';
import type { JobResult, JobSpecOf } from '../../../shared/domain/job.ts';
import { writeNpz } from '../arrays/npz.ts';
import { createAttackSteps } from '../attacks/ascent/steps.ts';
import { createOracle } from '../attacks/base/oracle.ts';
import { checkModels } from '../evaluation/check-models.ts';
import type { JobContext } from './control.ts';
import { withBench } from './models.ts';
import { PREDICTIONS_FILE } from './prediction-file.ts';

/** Most classes of an image whose probabilities are kept. */
const LIKELIEST = 10;

/**
 * What a model says of every image of a data set: `predictions.npz` with `classes` u16 [images, k], the likeliest first,
 * and `probabilities` f32 [images, k], their softmax; k = min(classes, 10). Where a model's logits are not finite the
 * probability is NaN.
 * @throws AppError `wrong-architecture` if the model does not fit, `cancelled`, and the errors of engines and of writing.
 */
export async function runPredict(job: JobSpecOf<'predict'>, context: JobContext): Promise<JobResult> {
  const { folder, enginePack, threads, engine, batchSize } = job;
  const options = { datasetFolder: job.dataset.folder, engine, enginePack, threads, deterministic: false };
  return withBench(options, context, async ({ dataset, engine: loaded, load }) => {
    const { images, shape, classes } = dataset.manifest;
    const subject = await load(job.model);
    await checkModels(dataset.manifest, [subject], null);
    const none = { images: new Float32Array(), labels: new Int32Array(), indices: new Uint32Array(), shape };
    const steps = createAttackSteps(subject.network);
    const kept = Math.min(LIKELIEST, classes.length);
    const best = new Uint16Array(images * kept);
    const probabilities = new Float32Array(images * kept);
    try {
      const oracle = createOracle(steps, subject, { examples: none, batchSize, control: context });
      for (let start = 0; start < images; start += batchSize) {
        const count = Math.min(batchSize, images - start);
        const positions = Uint32Array.from({ length: count }, (_, at) => start + at);
        const logits = await oracle(dataset.readImages(positions), count);
        for (let row = 0; row < count; row += 1) {
          const own = logits.subarray(row * classes.length, (row + 1) * classes.length);
          rank(own, (start + row) * kept, kept, best, probabilities);
        }
        context.progress({ done: start + count, total: images, unit: 'images', message: '' });
        await context.checkpoint();
      }
    } finally {
      steps.dispose();
    }
    await writeNpz(join(folder, PREDICTIONS_FILE), {
      classes: { dtype: 'u16', shape: [images, kept], data: best },
      probabilities: { dtype: 'f32', shape: [images, kept], data: probabilities },
    });
    return { kind: 'predict', images, engine: loaded.info };
  });
}

/** Writes the `count` likeliest classes of one image and their softmax probabilities from `at` on; of equal ones the first. */
function rank(logits: Float32Array, at: number, count: number, best: Uint16Array, probabilities: Float32Array): void {
  const order = Array.from(logits.keys()).sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b);
  const highest = logits[order[0] ?? 0] ?? 0;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - highest);
  for (let place = 0; place < count; place += 1) {
    const label = order[place] ?? 0;
    best[at + place] = label;
    probabilities[at + place] = Math.exp((logits[label] ?? 0) - highest) / sum;
  }
}
