import type { JobResult, JobSpecOf } from '../../../shared/domain/job.ts';
import { readExamples } from '../data/examples.ts';
import { checkModels } from '../evaluation/check-models.ts';
import { choosePositions } from '../evaluation/choose.ts';
import { BUDGETS } from '../evaluation/masking/budget.ts';
import { checkMasking } from '../evaluation/masking/check.ts';
import { openRecord } from '../evaluation/masking/record.ts';
import type { JobContext } from './control.ts';
import { withBench } from './models.ts';

/** Checks one model of the library for gradient masking. */
export async function runCheck(job: JobSpecOf<'check'>, context: JobContext): Promise<JobResult> {
  const { request, folder, enginePack, threads } = job;
  const { engine, deterministic } = request;
  const options = { datasetFolder: job.dataset.folder, engine, enginePack, threads, deterministic };
  return withBench(options, context, async ({ dataset, engine: loaded, load }) => {
    const subject = await load(job.model);
    const sources = await Promise.all(job.sources.map(load));
    for (const source of [null, ...sources]) await checkModels(dataset.manifest, [subject], source);
    const { name: _, batchSize: __, ...decisive } = request;
    const { name, version, device, deterministic: repeats } = loaded.info;
    const budget = BUDGETS[request.depth];
    const key = [decisive, dataset.manifest.hash, budget, name, version, device, repeats];
    const outcome = await checkMasking({
      subject,
      sources: sources.map((source) => ({ ...source, name: source.model.name, id: source.model.id })),
      examples: readExamples(dataset, choosePositions(dataset, request.examples)),
      epsilon: request.epsilon,
      budget,
      seed: request.seed,
      batchSize: request.batchSize,
      control: context,
      record: await openRecord(folder, key, context),
      onPartial: (items) => context.emit({ type: 'check-partial', items: [...items] }),
    });
    return { kind: 'check', result: { ...outcome, engine: loaded.info } };
  });
}
