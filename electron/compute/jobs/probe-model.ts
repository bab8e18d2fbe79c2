import type { JobResult, JobSpecOf } from '../../../shared/domain/job.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { readExamples } from '../data/examples.ts';
import { openPacked, type PackedDataset } from '../data/packed.ts';
import { loadEngine } from '../engines/load.ts';
import { probeModel } from '../models/foreign/probe.ts';
import { foreignFormat, openForeign } from '../models/foreign/session.ts';
import type { JobContext } from './control.ts';

/** Enough to tell a right reading from a wrong one. */
const IMAGES = 500;

/** Tries a model of another program on the first images of a data set. */
export async function runProbeModel(job: JobSpecOf<'probe-model'>, context: JobContext): Promise<JobResult> {
  const format = foreignFormat(job.path);
  if (format === null) throw new AppError('internal', `${job.path} is no model of another program.`);
  const dataset = await openPacked(job.dataset.folder);
  try {
    // A LayersModel runs on an engine; this one is always there.
    const engine = format === 'tfjs' ? await loadEngine('wasm', { enginePack: null, deterministic: false }) : null;
    const session = await openForeign(format, job.path, job.threads);
    try {
      await context.checkpoint();
      const { images, labels, shape } = readExamples(dataset, triedPositions(dataset));
      const data = { images, labels, shape, classes: dataset.manifest.classes.length };
      return { kind: 'probe-model', probe: await probeModel(session, data, job.hint, job.path) };
    } finally {
      await session.dispose();
      engine?.dispose();
    }
  } finally {
    dataset.close();
  }
}

/** Held-out images if there are any: those of the training say least about a model. */
function triedPositions(dataset: PackedDataset): Uint32Array {
  for (const split of ['test', 'validation', 'train'] as const) {
    const positions = dataset.positions(split);
    if (positions.length > 0) return positions.slice(0, IMAGES);
  }
  return new Uint32Array();
}
