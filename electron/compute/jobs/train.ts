import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import type { EngineInfo } from '../../../shared/domain/engine.ts';
import type { JobResult, JobSpecOf } from '../../../shared/domain/job.ts';
import { partsAt } from '../../../shared/domain/training.ts';
import { writeAtomic } from '../arrays/atomic.ts';
import { openPacked, type PackedDataset } from '../data/packed.ts';
import { findDefence } from '../defences/registry.ts';
import { loadEngine } from '../engines/load.ts';
import { expectedMemory } from '../training/memory.ts';
import { train } from '../training/train.ts';
import type { Subject } from '../attacks/base/examples.ts';
import type { JobContext } from './control.ts';
import { loadModel } from './models.ts';

const CONFIG_FILE = 'config.yaml';

/** Trains one model. Writes `config.yaml`, `metrics.jsonl`, `checkpoints/` and `weights.npz` into the run's folder. */
export async function runTrain(job: JobSpecOf<'train'>, context: JobContext): Promise<JobResult> {
  const { config, folder, resume, enginePack, threads } = job;
  const dataset = await openPacked(job.dataset.folder);
  const members: Subject[] = [];
  try {
    const { deterministic } = config;
    const memory = expectedMemory(config, dataset);
    const engine = await loadEngine(config.engine, { enginePack, threads, deterministic, memory });
    try {
      context.emit({ type: 'engine', engine: engine.info, note: engine.note });
      const onNote = (note: string): void => context.emit({ type: 'note', note });
      const onStart = (step: number): Promise<void> => writeConfig(job, dataset, engine.info, step);
      for (const file of job.members ?? []) members.push(await loadModel(file));
      const result = await train({ config, dataset, folder, resume, context, onStart, onNote, members });
      return { kind: 'train', result, engine: engine.info };
    } finally {
      tf.dispose(members.flatMap(({ weights }) => Object.values(weights)));
      engine.dispose();
    }
  } finally {
    dataset.close();
  }
}

/** A part of a run that one engine computed in one go. */
const stretch = z.looseObject({ fromStep: z.int().min(0) });
const written = z.object({ computedBy: z.array(stretch) });

/**
 * Writes everything that made the run's numbers, every default filled in. `computedBy` lists the stretches by the step
 * after which each went on, with the engine and the number of parts that batches were cut into; what was computed after
 * that step before counts no more.
 */
async function writeConfig(
  { id, folder, config }: JobSpecOf<'train'>,
  { manifest }: PackedDataset,
  engine: EngineInfo,
  fromStep: number,
): Promise<void> {
  const file = join(folder, CONFIG_FILE);
  const { settings } = findDefence(config.defence).configure(config.defenceSettings);
  const { name, hash, shape, images, splitSeed } = manifest;
  const earlier = fromStep === 0 ? [] : (await stretchesOf(file)).filter((each) => each.fromStep < fromStep);
  const text = stringify({
    run: id,
    ...config,
    defenceSettings: settings,
    data: { name, hash, shape, images, classes: manifest.classes.length, splitSeed },
    computedBy: [
      ...earlier,
      { fromStep, ...engine, node: process.versions.node, microBatches: partsAt(config, fromStep) },
    ],
  });
  await writeAtomic(file, text);
}

/** The stretches of a file that is there and whole; none otherwise. */
async function stretchesOf(file: string): Promise<readonly z.infer<typeof stretch>[]> {
  try {
    return written.parse(parse(await readFile(file, 'utf8'))).computedBy;
  } catch {
    return [];
  }
}
