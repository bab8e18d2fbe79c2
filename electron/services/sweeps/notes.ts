import type { EntityId } from '../../../shared/domain/ids.ts';
import type { TrainConfig } from '../../../shared/domain/training.ts';
import { sourceNotes } from '../../compute/evaluation/source-notes.ts';
import type { Store } from '../../store/store.ts';
import { membersOf } from '../members.ts';
import { canonical } from './expand.ts';
import type { SweepExpansion, SweepTraining } from './expand.ts';

/**
 * What is unusual about the surrogates of a sweep before anything is trained: one that is defended, that has the seed of a
 * model which it attacks, or that is the very training of a model that a defence is trained against.
 * @param configs of every training, by its key.
 */
export function surrogateNotes(
  store: Pick<Store, 'models' | 'runs'>,
  { groups, surrogates }: SweepExpansion,
  configs: ReadonlyMap<string, TrainConfig>,
): string[] {
  /** Surrogates by what decides their weights. */
  const keys = new Map(
    surrogates.flatMap(({ key }) => {
      const config = configs.get(key);
      return config ? [[decisive(config), key] as const] : [];
    }),
  );
  const models = store.models.list();
  const keyOfMember = (text: string): string => {
    const model = models.find(({ id, name }) => id === text || name === text);
    const run = model && store.runs.get(model.id);
    return (run && keys.get(decisive(run.config))) ?? text;
  };
  const notes = groups
    .flatMap(({ trainings }) => trainings)
    .flatMap((training) => {
      const config = configs.get(training.key);
      const trainedAgainst = config ? membersOf(config).map(keyOfMember) : [];
      return surrogates
        .filter(({ key }) => key !== training.key)
        .flatMap((surrogate) => sourceNotes(known(surrogate, []), known(training, trainedAgainst)));
    });
  return [...new Set(notes)];
}

function known({ key, label, seed, placed }: SweepTraining, trainedAgainst: readonly EntityId[]) {
  const { architecture, defence } = placed;
  return { id: key, name: label, architecture, defence, seed, trainedAgainst: [...trainedAgainst] };
}

/** The same for trainings that give the same weights, whatever they are called. */
function decisive(config: TrainConfig): string {
  const { dataset, architecture, architectureSettings = {}, defence, trainer, seed, initial = null } = config;
  return canonical({ dataset, architecture, architectureSettings, defence, trainer, seed, initial });
}
