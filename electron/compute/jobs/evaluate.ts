import type { JobResult, JobSpecOf } from '../../../shared/domain/job.ts';
import { evaluate } from '../evaluation/evaluate.ts';
import type { JobContext } from './control.ts';
import { withBench } from './models.ts';

/** Attacks models of the library, white-box or from a source. */
export async function runEvaluate(job: JobSpecOf<'evaluate'>, context: JobContext): Promise<JobResult> {
  const { request, folder, enginePack, threads } = job;
  const { engine, deterministic } = request;
  const options = { datasetFolder: job.dataset.folder, engine, enginePack, threads, deterministic };
  return withBench(options, context, async (bench) => {
    const targets = await Promise.all(job.targets.map((file) => bench.load(file)));
    const result = await evaluate({
      request,
      dataset: bench.dataset,
      targets,
      source: job.source ? await bench.load(job.source) : null,
      ensemble: await Promise.all(job.ensemble.map((file) => bench.load(file))),
      carry: job.carry,
      kept: job.kept,
      engine: bench.engine.info,
      control: context,
      folder,
      onPartial: (partial) => context.emit({ type: 'partial', targets: [...partial] }),
    });
    return { kind: 'evaluate', result };
  });
}
