import { join } from 'node:path';
import type { JobResult, JobSpecOf } from '../../../shared/domain/job.ts';
import { writeAtomic } from '../arrays/atomic.ts';
import { npyParts, readNpyRows } from '../arrays/npy.ts';
import { judgeRounded, recordTrajectory } from '../attacks/base/record-trajectory.ts';
import { resolveAttack } from '../attacks/registry.ts';
import { readExamples } from '../data/examples.ts';
import { EVALUATION_FILES } from '../evaluation/files.ts';
import { ensembleOf } from '../models/ensemble.ts';
import type { JobContext } from './control.ts';
import { withBench } from './models.ts';

/** Records one start of an evaluation's attack on one example, beside the evaluation's arrays. */
export async function runTrajectory(job: JobSpecOf<'trajectory'>, context: JobContext): Promise<JobResult> {
  const { request, folder, row, index, restart } = job;
  // Graphs and threads would hide the passes; one example needs neither.
  const bench = { engine: 'wasm', threads: 1, enginePack: null, deterministic: true } as const;
  return withBench({ datasetFolder: job.dataset.folder, ...bench }, context, async (models) => {
    const { dataset, engine } = models;
    const judge = await models.load(job.target);
    const source = job.source ? await models.load(job.source) : null;
    const ensemble = await Promise.all(job.ensemble.map((file) => models.load(file)));
    const maker = source ? (ensemble.length > 0 ? ensembleOf([source, ...ensemble]) : source) : judge;
    const examples = readExamples(dataset, Uint32Array.of(index));
    const common = { judge, examples, control: context };
    const recorded = await recordTrajectory({
      ...common,
      maker,
      plan: resolveAttack(request.attack).plan,
      goal: request.goal,
      seed: request.seed,
      restart,
      transfer: job.source !== null,
    });
    const stored = await readNpyRows(join(folder, judge.model.id, EVALUATION_FILES.adversarial), [row]);
    const rounded = await judgeRounded(common, Float32Array.from(stored.data as Float32Array));
    const shape = [recorded.points.length, ...examples.shape];
    const file = join(folder, judge.model.id, trajectoryFile(row));
    await writeAtomic(file, npyParts({ dtype: 'f32', shape, data: recorded.images }));
    const { points, passes } = recorded;
    return {
      kind: 'trajectory',
      trajectory: {
        points: [...points],
        passes,
        restart,
        madeOn: (source ?? judge).model.id,
        rounded,
        engine: engine.info,
      },
    };
  });
}

/** Name of the recorded images of an example, [points, height, width, channels]. */
export function trajectoryFile(row: number): string {
  return `trajectory-${row}.npy`;
}
