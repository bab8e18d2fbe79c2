import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../shared/domain/errors.ts';
import type { ExampleRecord } from '../../shared/domain/evaluation.ts';
import { trajectory, trajectoryRequest } from '../../shared/domain/trajectory.ts';
import type { Trajectory, TrajectoryRequest } from '../../shared/domain/trajectory.ts';
import { writeAtomic } from '../compute/arrays/atomic.ts';
import type { Store } from '../store/store.ts';
import { parseInput } from './inputs.ts';
import { JobProcess } from './job-process.ts';
import { modelFileOf } from './job-specs.ts';
import type { JobLauncher } from './job-transport.ts';
import { moduleSources } from './modules/sources.ts';
import { missing, requireDataset, requireModel } from './session.ts';
import type { Session } from './session.ts';

export interface TrajectoryService {
  /** See `Library.evaluations.trajectory`. */
  readonly record: (request: TrajectoryRequest) => Promise<Trajectory>;
  dispose(): void;
}

/**
 * Records trajectories in a process of their own, one at a time: a new request ends the one before. What was recorded
 * stays beside the evaluation's arrays.
 */
export function trajectoryService({ store }: Session, launcher: JobLauncher): TrajectoryService {
  let running: JobProcess | null = null;
  return {
    record: async (input) => {
      const request = parseInput(trajectoryRequest, input, 'trajectory');
      const { specOf, file } = recordingOf(store, request);
      // What was recorded already needs no job, and no module that may run.
      const kept = await readKept(file);
      if (kept) return kept;
      const spec = specOf();
      running?.cancel();
      const recorded = await new Promise<Trajectory>((resolve, reject) => {
        const process = new JobProcess(launcher, spec, {
          onNews: () => undefined,
          onEnd: (end) => {
            if (running === process) running = null;
            if (end.type !== 'done') reject(AppError.fromData(end.error));
            else if (end.result.kind === 'trajectory') resolve(end.result.trajectory);
            else reject(new AppError('internal', `A recording gave a result of the kind ${end.result.kind}.`));
          },
        });
        running = process;
      });
      await writeAtomic(file, JSON.stringify(recorded));
      return recorded;
    },
    dispose: () => running?.kill(),
  };
}

function recordingOf(store: Store, { evaluation: id, model, row }: TrajectoryRequest) {
  const evaluation = store.evaluations.get(id) ?? missing('evaluation', id);
  if (!evaluation.result) {
    throw new AppError(
      'conflict',
      `${evaluation.name} is not finished yet: its examples can be looked at when it is.`,
      {
        details: { id },
      },
    );
  }
  const own = recordOf(store, id, model, (example) => example.row === row);
  // What an earlier attack of a plan broke was not attacked again: it is that attack which made x'.
  const origin = own.carriedFrom === null ? null : store.evaluations.get(own.carriedFrom);
  const { request } = origin ?? evaluation;
  const record = origin ? recordOf(store, origin.id, model, (example) => example.index === own.index) : own;
  const dataset = requireDataset(store, request.dataset);
  const file = (of: string) => modelFileOf(store, requireModel(store, of));
  const folder = store.folder.of('evaluation', id);
  return {
    file: join(folder, model, `trajectory-${row}.json`),
    specOf: () => ({
      kind: 'trajectory' as const,
      id: `trajectory-${randomUUID().slice(0, 8)}`,
      folder,
      enginePack: null,
      threads: 1,
      modules: moduleSources(store, request.attack.module),
      dataset: { folder: store.folder.of('dataset', dataset.id) },
      request,
      target: file(model),
      source: request.source === null ? null : file(request.source),
      ensemble: request.ensemble.map(file),
      row,
      index: record.index,
      restart: record.restart ?? 0,
    }),
  };
}

function recordOf(
  store: Store,
  evaluation: string,
  model: string,
  isIt: (example: ExampleRecord) => boolean,
): ExampleRecord {
  const query = { evaluation, model, show: 'all', sort: 'index', descending: false, limit: 1000 } as const;
  for (let offset = 0; ; offset += query.limit) {
    const { examples } = store.evaluations.examples({ ...query, offset });
    const found = examples.find(isIt);
    if (found) return found;
    if (examples.length < query.limit) return missing('example', `of ${evaluation} and ${model}`);
  }
}

async function readKept(file: string): Promise<Trajectory | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return null;
  const parsed = trajectory.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : null;
}
