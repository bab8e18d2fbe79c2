import type { JobKind } from '../../shared/domain/job.ts';
import { AppError } from '../../shared/domain/errors.ts';
import type { EntityId } from '../../shared/domain/ids.ts';
import type { DatasetRow } from '../../shared/domain/library.ts';
import type { StoredModel } from '../store/models.ts';
import type { Store } from '../store/store.ts';
import type { EventHub } from './events.ts';

/** What the services of one open library share. */
export interface Session {
  readonly store: Store;
  readonly events: EventHub;
  /** Names this process among those that have the library open. */
  readonly token: string;
  /** Limit of the memory of each job that this process makes or resumes, in bytes; left out: that of the preferences. */
  readonly maxMemory?: number | undefined;
  /** Tells listeners, and the queue, that something in the library changed. */
  readonly changed: () => void;
}

/** A new job at the end of the queue, made together with its entity. */
export function addJob(
  session: Session,
  job: { readonly id: EntityId; readonly kind: JobKind; readonly title: string; readonly options?: string },
  addEntity: () => void = () => undefined,
): void {
  const { store, token, changed } = session;
  store.database.transaction(() => {
    store.jobs.add({ ...job, ...relimited(session, job), creator: token });
    addEntity();
  });
  changed();
}

/** The options of a job with this process's limit of memory in them, in place of another process's. */
export function relimited(
  { maxMemory }: Session,
  { options = '{}' }: { readonly options?: string | undefined },
): { readonly options: string } {
  const { maxMemory: _, ...kept } = JSON.parse(options) as { readonly maxMemory?: unknown };
  return { options: JSON.stringify(maxMemory === undefined ? kept : { ...kept, maxMemory }) };
}

/** @throws AppError `not-found`. */
export function requireDataset(store: Store, id: EntityId): DatasetRow {
  return store.datasets.get(id) ?? missing('data set', id);
}

/** @throws AppError `conflict` for a run that is not trained yet, `not-found`. */
export function requireModel(store: Store, id: EntityId): StoredModel {
  const model = store.models.get(id);
  if (model) return model;
  const run = store.runs.get(id);
  if (!run) return missing('model', id);
  throw new AppError(
    'conflict',
    `${run.name} is not trained yet (it is ${run.state}). Let the training finish first.`,
    {
      details: { id, state: run.state },
    },
  );
}

/** @throws AppError `not-found`, saying what to do about it. */
export function missing(what: string, id: string): never {
  throw new AppError('not-found', `There is no ${what} ${id} in this library; it may have been deleted.`, {
    details: { id },
  });
}

/** @throws AppError `unsupported` for a model of another program, whose layers cannot be looked at. */
export function requireLayers({ id, name, foreign }: StoredModel): void {
  if (!foreign) return;
  throw new AppError(
    'unsupported',
    `${name} is a model of another program (${foreign.format}): there is a forward pass, and no layer to look at. Choose a network that was trained here, or import its weights (NPZ, safetensors).`,
    { details: { model: id } },
  );
}

/** @throws AppError `invalid-input` if a model does not take the data set's images or has other classes. */
export function requireFit(model: StoredModel, dataset: DatasetRow): void {
  const { shape, classes, name } = dataset.manifest;
  if (model.inputShape.join() === shape.join() && model.classes === classes.length) return;
  const [height, width, channels] = model.inputShape;
  throw new AppError(
    'invalid-input',
    `${model.name} takes images of ${width}×${height}×${channels} in ${model.classes} classes; ${name} has ${shape[1]}×${shape[0]}×${shape[2]} in ${classes.length}. Choose a model that was trained on this data set.`,
    { details: { model: model.id, dataset: dataset.id } },
  );
}
