import { readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../shared/domain/errors.ts';
import { exampleRecord } from '../../shared/domain/evaluation.ts';
import type { EvaluationResult, ExampleRecord } from '../../shared/domain/evaluation.ts';
import type { JobResult } from '../../shared/domain/job.ts';
import type { DatasetRow, RunRow } from '../../shared/domain/library.ts';
import { describeIssues } from '../../shared/domain/settings.ts';
import { folderBytes } from '../store/folder.ts';
import type { StoredJob } from '../store/jobs.ts';
import type { StoredModel } from '../store/models.ts';
import type { Store } from '../store/store.ts';
import { keepPredictions } from './datasets/predictions.ts';
import { goesOn, importScratch, jobFolder } from './job-specs.ts';
import { knownSources } from './members.ts';
import { missing } from './session.ts';

const WEIGHTS_FILE = 'weights.npz';

/**
 * Puts what a finished job made into the library, and marks the job as done, in one transaction.
 * @throws AppError `bad-data` if the job's files are not what its result says.
 */
export async function storeOutcome(store: Store, job: StoredJob, result: JobResult): Promise<void> {
  const put = await preparePut(store, job, result);
  store.database.transaction(() => {
    put();
    store.jobs.update(job.id, { state: 'done', error: null, ended: new Date().toISOString(), wish: null });
  });
}

async function preparePut(store: Store, job: StoredJob, result: JobResult): Promise<() => void> {
  if (result.kind !== job.kind) {
    throw new AppError('internal', `A job of the kind ${job.kind} gave a result of the kind ${result.kind}.`);
  }
  const folder = jobFolder(store, job);
  switch (result.kind) {
    case 'import': {
      await discardScratch(store, job);
      const bytes = await folderBytes(folder);
      return () => store.datasets.add(result.manifest, bytes);
    }
    case 'train':
      return () => putRun(store, job.id, result);
    case 'evaluate': {
      const examples = await readExamples(folder, result.result);
      return () => store.evaluations.setResult(job.id, result.result, examples);
    }
    case 'attention':
      return () => store.galleries.setResult(job.id, result.result);
    case 'check':
      return () => store.checks.setResult(job.id, result.result);
    case 'trajectory':
    case 'engine-test':
    case 'preview-import':
    case 'probe-model':
    case 'describe-module':
    case 'dataset-task':
      return () => undefined;
    case 'predict':
      await keepPredictions(store, job, result.engine);
      return () => undefined;
  }
}

/** What is known of a model by the run that it comes from. */
export function trainedModel(
  store: Store,
  { name, config, colour }: Pick<RunRow, 'name' | 'config' | 'colour'>,
  { id, manifest }: DatasetRow,
): Omit<StoredModel, 'id' | 'parameters' | 'weights'> {
  const known = knownSources(store, config);
  return {
    name,
    origin: 'run',
    architecture: config.architecture,
    ...(config.architectureSettings && { architectureSettings: config.architectureSettings }),
    defence: config.defence,
    ...(known.length > 0 && { trainedAgainst: [...known] }),
    dataset: id,
    inputShape: manifest.shape,
    classes: manifest.classes.length,
    seed: config.seed,
    colour,
    created: new Date().toISOString(),
  };
}

function putRun(store: Store, id: string, { result, engine }: Extract<JobResult, { kind: 'train' }>): void {
  const run = store.runs.get(id) ?? missing('run', id);
  const dataset = store.datasets.get(run.config.dataset) ?? missing('data set', run.config.dataset);
  store.runs.setResult(id, result);
  store.jobs.update(id, { engine });
  store.models.put(
    { ...trainedModel(store, run, dataset), id, parameters: result.parameters },
    relative(store.folder.root, join(store.folder.of('run', id), WEIGHTS_FILE)),
  );
}

async function readExamples(
  folder: string,
  result: EvaluationResult,
): Promise<ReadonlyMap<string, readonly ExampleRecord[]>> {
  const records = await Promise.all(
    result.targets.map(async ({ model }) => {
      const file = join(folder, model, 'examples.json');
      const parsed = z.array(exampleRecord).safeParse(JSON.parse(await readFile(file, 'utf8')));
      if (parsed.success) return [model, parsed.data] as const;
      throw new AppError('bad-data', `${file} is not a list of examples: ${describeIssues(parsed.error)}.`, {
        details: { file },
      });
    }),
  );
  return new Map(records);
}

/**
 * Removes what an unfinished job left behind; jobs that can go on keep their folders, from which they do. An import can
 * if the same attempt may succeed later; cancelled, it leaves nothing.
 */
export async function discardUnfinished(store: Store, job: StoredJob, error: AppError): Promise<void> {
  if (job.kind === 'import' ? error.retry : goesOn(job.kind)) return;
  if (job.kind === 'import') await discardScratch(store, job);
  await rm(jobFolder(store, job), { recursive: true, force: true });
}

/** What an import had unpacked. */
async function discardScratch(store: Store, { id }: StoredJob): Promise<void> {
  await rm(store.folder.scratch(importScratch(id)), { recursive: true, force: true });
}
