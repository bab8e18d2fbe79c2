import type { JobResult, JobSpecOf } from '../../../shared/domain/job.ts';
import { readExamples } from '../data/examples.ts';
import { checkModels } from '../evaluation/check-models.ts';
import { choosePositions } from '../evaluation/choose.ts';
import { BUDGETS } from '../evaluation/masking/budget.ts';
import { checkMasking } from '../evaluation/masking/check.ts';
import type { JobContext } from './control.ts';
import { withBench } from './models.ts';

/** Checks one model of the library for gradient masking. */
export async function runCheck(job: JobSpecOf<'check'>, context: JobContext): Promise<JobResult> {
  const { request, enginePack, threads } = job;
  const { engine, deterministic } = request;
  const options = { datasetFolder: job.dataset.folder, engine, enginePack, threads, deterministic };
  return withBench(options, context, async ({ dataset, engine: loaded, load }) => {
    const started = performance.now();
    const subject = await load(job.model);
    const sources = await Promise.all(job.sources.map(load));
    for (const source of [null, ...sources]) await checkModels(dataset.manifest, [subject], source);
    const outcome = await checkMasking({
      subject,
      sources: sources.map((source) => ({ ...source, name: source.model.name })),
      examples: readExamples(dataset, choosePositions(dataset, request.examples)),
      epsilon: request.epsilon,
      budget: BUDGETS[request.depth],
      seed: request.seed,
      batchSize: request.batchSize,
      control: context,
    });
    return {
      kind: 'check',
      result: { ...outcome, engine: loaded.info, seconds: (performance.now() - started) / 1000 },
    };
  });
}
