import type { RunRow } from '../../shared/domain/library.ts';
import type { TrainConfig, TrainResult, RunState } from '../../shared/domain/training.ts';
import type { Database } from './database.ts';
import { fromJson, fromJsonOrNull, toJsonOrNull } from './json.ts';

export interface RunStore {
  /** Adds a run; its job of the same id must exist. The colour is the slot after that of the newest model or run. */
  add(run: {
    readonly id: string;
    readonly name: string;
    readonly config: TrainConfig;
    readonly created: string;
  }): void;
  get(id: string): RunRow | undefined;
  list(): RunRow[];
  setConfig(id: string, config: TrainConfig): void;
  setResult(id: string, result: TrainResult | null): void;
  setCheckpoint(id: string, step: number | null): void;
  nextColour(): number;
}

interface Raw {
  readonly id: string;
  readonly name: string;
  readonly config: string;
  readonly state: RunState;
  readonly colour: number;
  readonly result: string | null;
  readonly engine: string | null;
  readonly error: string | null;
  readonly checkpointStep: number | null;
  readonly created: string;
  readonly ended: string | null;
}

/** Colour slots of models in charts and tables. */
const COLOURS = 8;

const SELECT = `SELECT runs.id, runs.name, config, jobs.state, colour, result, jobs.engine, jobs.error,
  checkpoint_step AS checkpointStep, runs.created, jobs.ended
  FROM runs JOIN jobs ON jobs.id = runs.id WHERE deleted IS NULL`;

export function runStore(db: Database): RunStore {
  const nextColour = (): number => {
    const used = db.get<{ count: number }>(
      `SELECT (SELECT count(*) FROM runs) + (SELECT count(*) FROM models WHERE origin = 'imported') AS count`,
    );
    return (used?.count ?? 0) % COLOURS;
  };
  return {
    add: ({ id, name, config, created }) => {
      db.run(
        'INSERT INTO runs (id, name, dataset, config, colour, created) VALUES (?, ?, ?, ?, ?, ?)',
        id,
        name,
        config.dataset,
        JSON.stringify(config),
        nextColour(),
        created,
      );
    },
    get: (id) => {
      const row = db.get<Raw>(`${SELECT} AND runs.id = ?`, id);
      return row && toRun(row);
    },
    list: () => db.all<Raw>(`${SELECT} ORDER BY runs.created, runs.id`).map(toRun),
    setConfig: (id, config) => {
      db.run('UPDATE runs SET config = ? WHERE id = ?', JSON.stringify(config), id);
    },
    setResult: (id, result) => {
      db.run('UPDATE runs SET result = ? WHERE id = ?', toJsonOrNull(result), id);
    },
    setCheckpoint: (id, step) => {
      db.run('UPDATE runs SET checkpoint_step = ? WHERE id = ?', step, id);
    },
    nextColour,
  };
}

function toRun(row: Raw): RunRow {
  return {
    ...row,
    config: fromJson(row.config),
    result: fromJsonOrNull(row.result),
    engine: fromJsonOrNull(row.engine),
    error: fromJsonOrNull(row.error),
  };
}
