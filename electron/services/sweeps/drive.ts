import { AppError } from '../../../shared/domain/errors.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { JobRow } from '../../../shared/domain/library.ts';
import { CHECK_PART, GALLERY_PART, PLAN_PART } from '../../../shared/domain/sweep.ts';
import type { StoredSweep } from '../../store/sweeps.ts';
import type { Added, Library } from '../library.ts';
import type { Session } from '../session.ts';
import { trainedBefore } from './earlier.ts';
import type { SweepExpansion, SweepTraining } from './expand.ts';
import { attentionIndices, galleryRequests } from './attention.ts';
import { currentGalleries, currentPlans } from './parts.ts';
import { checkRequests, planRequests, trainingConfig } from './requests.ts';

/** What of a sweep came to no result, and why. */
export interface SweepReport {
  readonly failed: readonly { readonly title: string; readonly message: string }[];
}

type Others = Pick<Library, 'runs' | 'plans' | 'galleries' | 'checks' | 'jobs' | 'models'>;

/** Does what a sweep still lacks; see `SweepService.run`. */
export async function runSweep(
  session: Session,
  library: Others,
  { id, request }: StoredSweep,
  { groups, surrogates }: SweepExpansion,
  say: (text: string) => void,
): Promise<SweepReport> {
  const { store } = session;
  const failed: { title: string; message: string }[] = [];
  const part = (key: string): EntityId | undefined => store.sweeps.parts(id).get(key);
  const adds =
    (key: string): Added =>
    (entity) =>
      store.sweeps.setPart(id, key, entity);
  /** Waits for all of them to end. @throws AppError `cancelled` if one was stopped. */
  const settleAll = async (ids: readonly EntityId[]): Promise<void> => {
    const ends = await Promise.all(ids.map((one) => settle(session, library, one)));
    const stopped = ends.find(({ state }) => state === 'cancelled' || state === 'interrupted');
    if (stopped) {
      throw new AppError(
        'cancelled',
        `${stopped.title} was ${stopped.state}. Start the sweep again to go on with it.`,
        {
          retry: true,
        },
      );
    }
    for (const { state, title, error } of ends) {
      if (state !== 'done') failed.push({ title, message: error?.message ?? state });
    }
  };

  const trainings = groups.flatMap((group) => group.trainings);
  const runs = new Map<string, EntityId>();
  const earlier = trainedBefore(store, request);
  for (const training of [...surrogates, ...trainings]) {
    if (runs.has(training.key)) continue;
    const there = part(training.key);
    runs.set(
      training.key,
      there && store.runs.get(there) ? there : (takeOver(training) ?? (await startTraining(training))),
    );
  }
  function takeOver(training: SweepTraining): EntityId | undefined {
    const run = earlier(training);
    if (run === undefined) return undefined;
    store.sweeps.setPart(id, training.key, run);
    say(`${training.label}: trained before`);
    return run;
  }
  async function startTraining(training: SweepTraining): Promise<EntityId> {
    const config = trainingConfig(request, training, library.models.list());
    return (await library.runs.create(config, adds(training.key))).id;
  }
  say(`${runs.size} trainings`);
  await settleAll([...runs.values()]);

  const runOf = ({ key }: SweepTraining): EntityId => runs.get(key) ?? '';
  const isTrained = (run: EntityId): boolean => store.models.get(run) !== undefined;
  const models = [...new Set(trainings.map(runOf))].filter(isTrained);
  const surrogateOf = (name: string): EntityId => {
    const one = surrogates.find((surrogate) => surrogate.name === name);
    const run = one && runOf(one);
    if (run && isTrained(run)) return run;
    throw new AppError('conflict', `The surrogate ${name} came to no model: ${failed[0]?.message ?? 'it has no run'}`);
  };

  const plans = currentPlans(library.plans.list(), store.sweeps.parts(id), surrogates);
  const measured = new Set(plans.flatMap((plan) => plan.request.models));
  const evaluations = plans.flatMap((plan) => plan.evaluations);
  const open = models.filter((model) => !measured.has(model));
  for (const wanted of planRequests(request, open, surrogateOf)) {
    const made = [...store.sweeps.parts(id).keys()].filter((key) => key.startsWith(PLAN_PART)).length;
    const plan = await library.plans.create(wanted, adds(`${PLAN_PART}${made}`));
    evaluations.push(...library.plans.get(plan.id).evaluations);
  }
  if (evaluations.length > 0) say(`${evaluations.length} evaluations`);
  await settleAll(evaluations);

  const shown = currentGalleries(store.galleries.list(), store.sweeps.parts(id), surrogates).filter(
    (gallery) => gallery.state === 'done' || gallery.request.models.every(isTrained),
  );
  const galleries = shown.map((gallery) => gallery.id);
  const seen = new Set(shown.flatMap((gallery) => gallery.request.models));
  const unseen = models.filter((model) => !seen.has(model));
  const indices = request.attention ? await attentionIndices(request, store.folder.of('dataset', request.dataset)) : [];
  for (const wanted of galleryRequests(request, unseen, surrogateOf, indices)) {
    const made = [...store.sweeps.parts(id).keys()].filter((key) => key.startsWith(GALLERY_PART)).length;
    galleries.push((await library.galleries.create(wanted, adds(`${GALLERY_PART}${made}`))).id);
  }
  if (galleries.length > 0) say(`${galleries.length} attention galleries`);
  await settleAll(galleries);

  const checks: EntityId[] = [];
  for (const wanted of checkRequests(request, models, surrogateOf)) {
    const key = `${CHECK_PART}${wanted.model}`;
    const known = part(key);
    checks.push(known && store.checks.get(known) ? known : (await library.checks.create(wanted, adds(key))).id);
  }
  if (checks.length > 0) say(`${checks.length} masking checks`);
  await settleAll(checks);
  return { failed };
}

/** Sees to it that a job is run, whoever left it in which state, and waits for its end. */
async function settle({ store, token, changed }: Session, { jobs }: Others, id: EntityId): Promise<JobRow> {
  const { state } = jobs.get(id);
  if (state === 'done') return jobs.get(id);
  if (state === 'waiting') {
    // It may be that of a command that is gone: then nobody would run it.
    store.jobs.update(id, { creator: token });
    changed();
  } else if (state !== 'running') {
    jobs.resume(id);
  }
  const job = await jobs.wait(id);
  const hadProcess = state === 'running' || state === 'paused';
  if (job.state !== 'interrupted' || !hadProcess) return job;
  // Its process had died before: only whoever waits for it finds out.
  jobs.resume(id);
  return jobs.wait(id);
}
