import { join } from 'node:path';
import { newId } from '../../shared/domain/ids.ts';
import { AppError } from '../../shared/domain/errors.ts';
import { settingValues } from '../../shared/domain/settings.ts';
import { trainConfig } from '../../shared/domain/training.ts';
import type { TrainConfig } from '../../shared/domain/training.ts';
import type { Transferred } from '../compute/models/transfer.ts';
import { METRICS_FILE, readPoints } from '../compute/training/metrics.ts';
import { engineForJob } from './engines.ts';
import { parseInput } from './inputs.ts';
import type { Library } from './library.ts';
import type { ModuleService } from './modules/service.ts';
import { addJob, missing, requireDataset } from './session.ts';
import { keepStartingWeights, startingReport, startingWeights } from './starting-weights.ts';
import type { Session } from './session.ts';

export function runService(
  session: Session,
  preferences: Library['preferences'],
  modules: ModuleService,
): Library['runs'] {
  const { store } = session;
  const get: Library['runs']['get'] = (id) => store.runs.get(id) ?? missing('run', id);
  return {
    get,
    folder: (id) => store.folder.of('run', get(id).id),
    initial: async (id) => startingReport(store.folder.of('run', get(id).id)),
    create: async (input) => {
      const asked = parseInput(trainConfig, input, 'training');
      const engine = engineForJob(asked.engine, preferences.get().engine);
      const { config, label, initial } = await completeConfig(session, modules, { ...asked, engine });
      const id = newId('run');
      if (initial) await keepStartingWeights(store.folder.of('run', id), initial);
      const name = config.name || `${label} · ${config.architecture} · seed ${config.seed}`;
      const created = new Date().toISOString();
      addJob(session, { id, kind: 'train', title: `Train ${name}` }, () =>
        store.runs.add({ id, name, config, created }),
      );
      return { id };
    },
    points: async (id, after = -1) => {
      const points = await readPoints(join(store.folder.of('run', get(id).id), METRICS_FILE));
      return points.filter((point) => point.step > after);
    },
  };
}

/** Checks what only the registries and the data set know, and fills in the defence's defaults. */
async function completeConfig(
  { store }: Session,
  modules: ModuleService,
  asked: TrainConfig,
): Promise<{ readonly config: TrainConfig; readonly label: string; readonly initial: Transferred | null }> {
  const [{ buildNetwork }, { checkDepth }, { findDefence }, { checkAugmentation }] = await Promise.all([
    import('../compute/models/network.ts'),
    import('../compute/models/depth.ts'),
    import('../compute/defences/registry.ts'),
    import('../compute/data/augment.ts'),
  ]);
  const { manifest } = requireDataset(store, asked.dataset);
  if (manifest.splits.train === 0) {
    throw new AppError(
      'invalid-input',
      `${manifest.name} has no training images: it is a test set. Choose the data set that it was made from.`,
      { details: { field: 'dataset' } },
    );
  }
  const { architecture, architectureSettings: settings, freeze: held, trainer } = asked;
  const network = buildNetwork(architecture, manifest.shape, manifest.classes.length, trainer.normalise, {
    settings,
    held,
  });
  checkDepth(network);
  const initial = asked.initial ? await startingWeights(store, asked.initial, network) : null;
  const { architectureSettings: _, ...others } = asked;
  const changed = Object.keys(network.settings).length > 0;
  const config: TrainConfig = { ...others, ...(changed && { architectureSettings: network.settings }) };
  checkAugmentation(config.trainer, manifest.shape);
  const layers = network.taps.map((tap) => tap.name);
  const { defence: name, defenceModule: version } = config;
  const own = await modules.defence({ name, settings: config.defenceSettings, module: version }, layers);
  if (own) {
    const { label, module } = own;
    return { config: { ...config, defenceModule: module, defenceSettings: settingValues.parse(own.settings) }, label, initial };
  }
  const defence = findDefence(name);
  const configured = defence.configure(config.defenceSettings);
  configured.taps(layers);
  const defenceSettings = Object.fromEntries(
    Object.entries(configured.settings).map(([key, value]) => [key, Array.isArray(value) ? value.map(String) : value]),
  ) as TrainConfig['defenceSettings'];
  return { config: { ...config, defenceSettings }, label: defence.label, initial };
}
