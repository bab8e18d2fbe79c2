import { join } from 'node:path';
import { stringify } from 'yaml';
import type { EngineInfo } from '../../../shared/domain/engine.ts';
import type { JobResult, JobSpecOf } from '../../../shared/domain/job.ts';
import { writeAtomic } from '../arrays/atomic.ts';
import { openPacked, type PackedDataset } from '../data/packed.ts';
import { findDefence } from '../defences/registry.ts';
import { loadEngine } from '../engines/load.ts';
import { train } from '../training/train.ts';
import type { JobContext } from './control.ts';

/** Trains one model. Writes `config.yaml`, `metrics.jsonl`, `checkpoints/` and `weights.npz` into the run's folder. */
export async function runTrain(job: JobSpecOf<'train'>, context: JobContext): Promise<JobResult> {
  const { config, folder, resume, enginePack, threads } = job;
  const dataset = await openPacked(job.dataset.folder);
  try {
    const engine = await loadEngine(config.engine, { enginePack, threads, deterministic: config.deterministic });
    try {
      context.emit({ type: 'engine', engine: engine.info, note: engine.note });
      await writeAtomic(join(folder, 'config.yaml'), describeRun(job, dataset, engine.info));
      const onNote = (note: string): void => context.emit({ type: 'engine', engine: engine.info, note });
      const result = await train({ config, dataset, folder, resume, context, onNote });
      return { kind: 'train', result, engine: engine.info };
    } finally {
      engine.dispose();
    }
  } finally {
    dataset.close();
  }
}

/** Everything that made the run's numbers, every default filled in. */
function describeRun({ id, config }: JobSpecOf<'train'>, { manifest }: PackedDataset, engine: EngineInfo): string {
  const { settings } = findDefence(config.defence).configure(config.defenceSettings);
  const { name, hash, shape, images, splitSeed } = manifest;
  return stringify({
    run: id,
    ...config,
    defenceSettings: settings,
    data: { name, hash, shape, images, classes: manifest.classes.length, splitSeed },
    computedBy: { ...engine, node: process.versions.node },
  });
}
