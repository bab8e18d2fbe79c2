import { join } from 'node:path';
import { newId } from '../../shared/domain/ids.ts';
import { AppError } from '../../shared/domain/errors.ts';
import type { RunRow } from '../../shared/domain/library.ts';
import { settingValues } from '../../shared/domain/settings.ts';
import { runChange, trainConfig } from '../../shared/domain/training.ts';
import type { RunState, TrainConfig } from '../../shared/domain/training.ts';
import type { Transferred } from '../compute/models/transfer.ts';
import { METRICS_FILE, readPoints } from '../compute/training/metrics.ts';
import { engineForJob } from './engines.ts';
import { parseInput } from './inputs.ts';
import type { Library } from './library.ts';
import type { ModuleService } from './modules/service.ts';
import type { Queue } from './queue.ts';
import { withMemberIds } from './members.ts';
import { addJob, missing, requireDataset } from './session.ts';
import { keepStartingWeights, keptSource, startingReport, startingWeights } from './starting-weights.ts';
import type { Session } from './session.ts';

export function runService(
  session: Session,
  preferences: Library['preferences'],
  modules: ModuleService,
  queue: Pick<Queue, 'resume'>,
): Library['runs'] {
  const { store } = session;
  const get: Library['runs']['get'] = (id) => store.runs.get(id) ?? missing('run', id);
  return {
    get,
    folder: (id) => store.folder.of('run', get(id).id),
    initial: async (id) => startingReport(store.folder.of('run', get(id).id)),
    check: async (input) => {
      await completeConfig(session, modules, parseInput(trainConfig, input, 'training'));
    },
    create: async (input, added) => {
      const asked = parseInput(trainConfig, input, 'training');
      const engine = engineForJob(asked.engine, preferences.get().engine);
      const { config, label, initial } = await completeConfig(session, modules, { ...asked, engine });
      const id = newId('run');
      if (initial) await keepStartingWeights(store.folder.of('run', id), initial);
      const name = config.name || `${label} · ${config.architecture} · seed ${config.seed}`;
      const created = new Date().toISOString();
      addJob(session, { id, kind: 'train', title: `Train ${name}` }, () => {
        store.runs.add({ id, name, config, created });
        added?.(id);
      });
      return { id };
    },
    goOn: async (input) => {
      const { id, rateFactor, accumulation } = parseInput(runChange, input, 'run');
      requireEnded(get(id));
      const { newestCheckpoint } = await import('../compute/training/checkpoint.ts');
      const after = (await newestCheckpoint(store.folder.of('run', id), null))?.meta.step ?? 0;
      // Asked for twice, it goes on once; and the change is there only if it goes on.
      store.database.transaction(() => {
        const run = get(id);
        requireEnded(run);
        const config = trainConfig.parse(run.config);
        const earlier = config.partChanges.filter((change) => change.after < after);
        store.runs.setConfig(id, {
          ...config,
          ...(rateFactor !== undefined && { rateCuts: [...config.rateCuts, { after, factor: rateFactor }] }),
          ...(accumulation !== undefined && { partChanges: [...earlier, { after, parts: accumulation }] }),
        });
        queue.resume(id);
      });
    },
    model: async (id, weights) => {
      const { modelOfRun } = await import('./run-weights.ts');
      return modelOfRun(session, get(id), weights);
    },
    points: async (id, after = -1) => {
      const points = await readPoints(join(store.folder.of('run', get(id).id), METRICS_FILE));
      return points.filter((point) => point.step > after);
    },
  };
}

/** States in which a run may go on with other settings. */
const GOES_ON: readonly RunState[] = ['failed', 'cancelled', 'interrupted'];

/** @throws AppError `conflict`. */
function requireEnded({ id, name, state }: RunRow): void {
  if (GOES_ON.includes(state)) return;
  throw new AppError(
    'conflict',
    `${name} is ${state}. Only a run that failed, was cancelled or was interrupted goes on with other settings.`,
    { details: { id, state } },
  );
}

/** Checks what only the registries and the data set know, and fills in the defence's defaults. */
async function completeConfig(
  { store }: Session,
  modules: ModuleService,
  asked: TrainConfig,
): Promise<{ readonly config: TrainConfig; readonly label: string; readonly initial: Transferred | null }> {
  const [{ buildNetwork }, { checkDepth }, { findDefence }, { checkTrainer }] = await Promise.all([
    import('../compute/models/network.ts'),
    import('../compute/models/depth.ts'),
    import('../compute/defences/registry.ts'),
    import('../compute/training/check.ts'),
  ]);
  const { manifest } = requireDataset(store, asked.dataset);
  const { architecture, architectureSettings: settings, freeze: held, trainer } = asked;
  const network = buildNetwork(architecture, manifest.shape, manifest.classes.length, trainer.normalise, {
    settings,
    held,
  });
  checkDepth(network);
  const initial = asked.initial ? await startingWeights(store, asked.initial, network) : null;
  const { architectureSettings: _, ...others } = asked;
  const changed = Object.keys(network.settings).length > 0;
  const config: TrainConfig = {
    ...others,
    ...(changed && { architectureSettings: network.settings }),
    ...(asked.initial && { initial: await keptSource(asked.initial) }),
  };
  const layers = network.taps.map((tap) => tap.name);
  const { defence: name, defenceModule: version } = config;
  const own = await modules.defence({ name, settings: config.defenceSettings, module: version }, layers);
  if (own) {
    const { label, module } = own;
    checkTrainer(config.trainer, { manifest, defence: { name } });
    return {
      config: { ...config, defenceModule: module, defenceSettings: settingValues.parse(own.settings) },
      label,
      initial,
    };
  }
  const defence = findDefence(name);
  const configured = defence.configure(config.defenceSettings);
  configured.taps(layers);
  checkTrainer(config.trainer, { manifest, defence: configured });
  const defenceSettings = Object.fromEntries(
    Object.entries(configured.settings).map(([key, value]) => [key, Array.isArray(value) ? value.map(String) : value]),
  ) as TrainConfig['defenceSettings'];
  const dataset = requireDataset(store, asked.dataset);
  const settled = withMemberIds(store, { defence: name, defenceSettings }, dataset);
  return { config: { ...config, defenceSettings: settled }, label: defence.label, initial };
}
