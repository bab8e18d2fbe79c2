import type { ForeignModel, ModelSummary } from '../../shared/domain/model.ts';
import type { SettingValues } from '../../shared/domain/settings.ts';
import type { Database } from './database.ts';
import { fromJson, toJsonOrNull } from './json.ts';

export interface ModelStore {
  /** Adds or replaces a model; `weights` is the path of its NPZ, ONNX file or `model.json`, relative to the library folder. */
  put(model: ModelSummary & { readonly dataset: string }, weights: string): void;
  get(id: string): StoredModel | undefined;
  list(): StoredModel[];
}

export interface StoredModel extends ModelSummary {
  readonly dataset: string;
  readonly weights: string;
}

interface Raw extends Omit<StoredModel, 'inputShape' | 'foreign' | 'architectureSettings' | 'trainedAgainst'> {
  readonly inputShape: string;
  readonly settings: string | null;
  readonly foreign: string | null;
  readonly trainedAgainst: string | null;
}

const SELECT = `SELECT id, name, origin, architecture, defence, dataset, input_shape AS inputShape, classes, parameters,
  seed, colour, weights, created, foreign_reading AS "foreign", trained_against AS trainedAgainst,
  architecture_settings AS settings FROM models WHERE deleted IS NULL`;

export function modelStore(db: Database): ModelStore {
  const toModel = ({ foreign, settings, trainedAgainst, ...row }: Raw): StoredModel => ({
    ...row,
    ...(settings !== null && { architectureSettings: fromJson<SettingValues>(settings) }),
    ...(foreign !== null && { foreign: fromJson<ForeignModel>(foreign) }),
    ...(trainedAgainst !== null && { trainedAgainst: fromJson<string[]>(trainedAgainst) }),
    inputShape: fromJson(row.inputShape),
  });
  return {
    put: (model, weights) => {
      db.run(
        `INSERT OR REPLACE INTO models
          (id, name, origin, architecture, defence, dataset, input_shape, classes, parameters, seed, colour, weights, created, foreign_reading,
           architecture_settings, trained_against)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        model.id,
        model.name,
        model.origin,
        model.architecture,
        model.defence,
        model.dataset,
        JSON.stringify(model.inputShape),
        model.classes,
        model.parameters,
        model.seed,
        model.colour,
        weights,
        model.created,
        model.foreign ? JSON.stringify(model.foreign) : null,
        toJsonOrNull(model.architectureSettings ?? null),
        toJsonOrNull(model.trainedAgainst ?? null),
      );
    },
    get: (id) => {
      const row = db.get<Raw>(`${SELECT} AND id = ?`, id);
      return row && toModel(row);
    },
    list: () => db.all<Raw>(`${SELECT} ORDER BY created, id`).map(toModel),
  };
}
