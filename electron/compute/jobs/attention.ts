import { attentionGallery } from '../attention/gallery.ts';
import type { JobResult, JobSpecOf } from '../../../shared/domain/job.ts';
import type { JobContext } from './control.ts';
import { withBench } from './models.ts';

/** Makes an attention gallery of models of the library. */
export async function runAttention(job: JobSpecOf<'attention'>, context: JobContext): Promise<JobResult> {
  const { request, folder, enginePack, threads } = job;
  const options = {
    datasetFolder: job.dataset.folder,
    engine: request.engine,
    enginePack,
    threads,
    deterministic: false,
  };
  return withBench(options, context, async (bench) => {
    const result = await attentionGallery({
      request,
      dataset: bench.dataset,
      models: await Promise.all(job.models.map((file) => bench.load(file))),
      source: job.source ? await bench.load(job.source) : null,
      reference: job.reference ? await bench.load(job.reference) : null,
      engine: bench.engine.info,
      control: context,
      folder,
    });
    return { kind: 'attention', result };
  });
}
