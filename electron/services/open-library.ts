import { randomUUID } from 'node:crypto';
import { toAppError } from '../../shared/domain/errors.ts';
import type { AppError } from '../../shared/domain/errors.ts';
import type { Catalogue } from '../../shared/domain/catalogue.ts';
import type { LibrarySnapshot } from '../../shared/domain/library.ts';
import { folderBytes } from '../store/folder.ts';
import { openStore } from '../store/store.ts';
import type { Store } from '../store/store.ts';
import { architectureService } from './architectures.ts';
import { readCatalogue } from './catalogue.ts';
import { checkService } from './checks.ts';
import { removeLeftovers } from './datasets/leftovers.ts';
import { createPreviews } from './datasets/preview.ts';
import { datasetService } from './datasets/service.ts';
import { datasetViews } from './datasets/views.ts';
import { engineService, packForJobs, slotRules } from './engines.ts';
import { emptyOldBin, entityService } from './entities.ts';
import { evaluationService } from './evaluations.ts';
import { createEvents } from './events.ts';
import type { EventHub } from './events.ts';
import { galleryService } from './galleries.ts';
import type { OpenLibrary } from './library.ts';
import { addFacts } from '../compute/modules/loaded.ts';
import { moduleService } from './modules/service.ts';
import { watchModules } from './modules/watch.ts';
import { modelService } from './models.ts';
import { planRows, planService } from './plans/service.ts';
import { preferenceService } from './preferences.ts';
import { createQueue } from './queue.ts';
import type { Queue } from './queue.ts';
import { resourcePath } from './resources.ts';
import { runService } from './runs.ts';
import { installSample } from './sample.ts';
import type { Session } from './session.ts';
import { sweepService } from './sweeps/service.ts';
import { tensorService } from './tensors.ts';
import { createSideJobs } from './side-jobs.ts';
import { trajectoryService } from './trajectories.ts';

/** Changes of the library reach listeners at most this often, in milliseconds. */
const CHANGED_EVERY_MS = 100;

/** Opens a library; see {@link OpenLibrary}. */
export const openLibrary: OpenLibrary = async (path, options) => {
  const store = openStore(path);
  const events = createEvents((error) => {
    process.stderr.write(`A listener failed: ${toAppError(error).message}\n`);
  });
  if (options.serves !== 'none') await prepareContents(store, events, options.sample);
  let queue: Queue | null = null;
  let timer: NodeJS.Timeout | null = null;
  const snapshot = (): LibrarySnapshot => ({
    datasets: store.datasets.list(),
    runs: store.runs.list(),
    evaluations: store.evaluations.list(),
    plans: planRows(store),
    galleries: store.galleries.list(),
    checks: store.checks.list(),
    jobs: queue?.list() ?? [],
  });
  const session: Session = {
    store,
    events,
    token: randomUUID(),
    maxMemory: options.maxMemory,
    changed: () => {
      queue?.nudge();
      timer ??= setTimeout(() => {
        timer = null;
        events.emit('library.changed', snapshot());
      }, CHANGED_EVERY_MS);
    },
  };
  const preferences = preferenceService(store);
  const engines = engineService(session, options.launcher, preferences);
  const tensors = tensorService(store);
  const sideJobs = createSideJobs(store, options.launcher);
  const previews = createPreviews(session, options.launcher);
  const modules = moduleService(store, sideJobs);
  const forgetFacts = addFacts(store.modules.facts);
  const watch =
    options.serves === 'all' || options.serves === undefined
      ? watchModules(modules, store.folder.modules, events)
      : null;
  const trajectories = trajectoryService(session, options.launcher);
  const jobs = createQueue(session, {
    launcher: options.launcher,
    serves: options.serves ?? 'all',
    enginePack: packForJobs,
    maxMemory: () => preferences.get().maxMemory,
    slots: () => slotRules(store, preferences),
  });
  queue = jobs;
  let disposed: Promise<void> | null = null;

  const catalogue = async (): Promise<Catalogue> => {
    // The window does not wait for modules that are new: it is told when they have been looked at.
    const { modules: rows, complete } = watch ? await modules.known() : { ...(await modules.list()), complete: true };
    if (!complete) watch?.look();
    return readCatalogue(rows);
  };
  const models = modelService(session, sideJobs);
  const runs = runService(session, preferences, modules, jobs);
  const architectures = architectureService(store, async () => (await engines.list()).engines);
  const plans = planService(session, preferences, jobs, engines, modules);
  const checks = checkService(session, preferences);
  const galleries = galleryService(session, preferences, modules);
  const views = datasetViews(session, sideJobs, preferences);

  return {
    folder: store.folder.root,
    events,
    snapshot,
    catalogue,
    modules: {
      list: modules.list,
      readAgain: modules.readAgain,
      pin: modules.pin,
      setTrusted: async (trusted) => {
        const overview = await modules.setTrusted(trusted);
        events.emit('modules.changed', overview);
        return overview;
      },
    },
    bytes: () => folderBytes(store.folder.root),
    preferences,
    architectures,
    datasets: datasetService(session, previews, views),
    models,
    runs,
    evaluations: { ...evaluationService(session, preferences, modules), trajectory: trajectories.record },
    plans,
    sweeps: sweepService(
      session,
      { catalogue, models, runs, plans, galleries, checks, jobs, architectures, engines, preferences },
      modules,
    ),
    galleries,
    checks,
    jobs,
    entities: entityService(session),
    engines,
    tensors,
    dispose: () => {
      disposed ??= (async () => {
        engines.dispose();
        watch?.dispose();
        sideJobs.dispose();
        previews.dispose();
        views.dispose();
        trajectories.dispose();
        await jobs.dispose();
        if (timer) clearTimeout(timer);
        events.clear();
        tensors.dispose();
        forgetFacts();
        store.close();
      })();
      return disposed;
    },
  };
};

/** Empties the bin and brings the sample. What fails is told as a notice: it must not keep anybody from their work. */
async function prepareContents(store: Store, events: EventHub, sample: string | null | undefined): Promise<void> {
  const tell = (severity: 'error' | 'warning', error: AppError): void =>
    events.emit('app.notice', { severity, error: error.toData() });
  try {
    await emptyOldBin(store, (error) => tell('warning', error));
    await removeLeftovers(store);
  } catch (error) {
    tell('warning', toAppError(error));
  }
  try {
    if (sample !== null) await installSample(store, sample ?? resourcePath('sample'));
  } catch (error) {
    tell('error', toAppError(error));
  }
}
