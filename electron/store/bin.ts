import { newId } from '../../shared/domain/ids.ts';
import type { EntityKind } from '../../shared/domain/ids.ts';
import type { Database } from './database.ts';

/** Something that a user can rename, delete and restore. */
export interface Entity {
  readonly id: string;
  readonly kind: EntityKind;
  readonly name: string;
}

export interface Binned extends Entity {
  /** When it was deleted, ISO 8601. */
  readonly deleted: string;
}

/** Names and deletion of every kind of entity. What was deleted together is restored together. */
export interface BinStore {
  find(id: string): Entity | undefined;
  /** A plan's evaluations; a data set's runs, imported models, evaluations, plans, galleries, checks and sweeps, or those that have nothing left without a model. */
  dependents(entity: Entity): Entity[];
  rename(entity: Entity, name: string): void;
  delete(entities: readonly Entity[]): void;
  /** Restores `id` and everything that was deleted with it; what it depends on comes back too. Returns false if it is not in the bin. */
  restore(id: string): boolean;
  /** Entities that were deleted before `date` (ISO 8601). */
  deletedBefore(date: string): Binned[];
  /** Forgets an entity for good. */
  purge(entity: Entity): void;
}

const TABLES: Readonly<Record<EntityKind, string>> = {
  dataset: 'datasets',
  run: 'runs',
  model: 'models',
  evaluation: 'evaluations',
  plan: 'plans',
  gallery: 'galleries',
  check: 'checks',
  sweep: 'sweeps',
};
const KINDS = Object.keys(TABLES) as EntityKind[];

/** A run and its model share an id, a name and a fate. */
const tablesOf = (entity: Entity): string[] => (entity.kind === 'run' ? ['runs', 'models'] : [TABLES[entity.kind]]);

export function binStore(db: Database): BinStore {
  const entities = (kind: EntityKind, where: string, ...values: readonly string[]): Entity[] =>
    db
      .all<{ id: string; name: string }>(
        `SELECT id, name FROM ${TABLES[kind]} WHERE deleted IS NULL AND ${where}`,
        ...values,
      )
      .map((row) => ({ ...row, kind }));

  return {
    find: (id) => {
      for (const kind of KINDS) {
        const found = entities(kind, 'id = ?', id)[0];
        if (found) return found;
      }
      return undefined;
    },
    dependents: (entity) => {
      const { id, kind } = entity;
      if (kind === 'dataset') {
        return [
          ...entities('run', 'dataset = ?', id),
          ...entities('model', `origin = 'imported' AND dataset = ?`, id),
          ...entities('evaluation', 'dataset = ?', id),
          ...entities('plan', 'dataset = ?', id),
          ...entities('gallery', 'dataset = ?', id),
          ...entities('check', 'dataset = ?', id),
          ...entities('sweep', 'dataset = ?', id),
        ];
      }
      if (kind === 'plan') return entities('evaluation', 'plan = ?', id);
      if (kind !== 'run' && kind !== 'model') return [];
      // Numbers and pictures of other models stay: only what shows this model alone goes with it.
      const alone = (path: string): string =>
        `json_array_length(request, '${path}') = 1 AND json_extract(request, '${path}[0]') = ?`;
      return [
        ...entities('evaluation', alone('$.targets'), id),
        ...entities('plan', alone('$.models'), id),
        ...entities('gallery', alone('$.models'), id),
        ...entities('check', 'model = ?', id),
      ];
    },
    rename: (entity, name) => {
      db.transaction(() => {
        for (const table of tablesOf(entity)) db.run(`UPDATE ${table} SET name = ? WHERE id = ?`, name, entity.id);
      });
    },
    delete: (all) => {
      const group = newId('dataset');
      const time = new Date().toISOString();
      db.transaction(() => {
        for (const entity of all) {
          for (const table of tablesOf(entity)) {
            db.run(`UPDATE ${table} SET deleted = ?, bin = ? WHERE id = ? AND deleted IS NULL`, time, group, entity.id);
          }
        }
      });
    },
    restore: (id) =>
      db.transaction(() => {
        const group = KINDS.map((kind) =>
          db.get<{ bin: string | null }>(`SELECT bin FROM ${TABLES[kind]} WHERE id = ? AND deleted IS NOT NULL`, id),
        ).find((row) => row !== undefined)?.bin;
        if (!group) return false;
        for (const kind of KINDS) db.run(`UPDATE ${TABLES[kind]} SET deleted = NULL, bin = NULL WHERE bin = ?`, group);
        for (const kind of KINDS.filter((other) => other !== 'dataset')) {
          db.run(
            `UPDATE datasets SET deleted = NULL, bin = NULL
              WHERE id IN (SELECT dataset FROM ${TABLES[kind]} WHERE id = ? AND deleted IS NULL)`,
            id,
          );
        }
        return true;
      }),
    deletedBefore: (date) =>
      KINDS.flatMap((kind) =>
        db
          .all<{ id: string; name: string; deleted: string }>(
            `SELECT id, name, deleted FROM ${TABLES[kind]} WHERE deleted < ?${kind === 'model' ? ` AND origin = 'imported'` : ''}`,
            date,
          )
          .map((row) => ({ ...row, kind })),
      ),
    purge: (entity) => {
      db.transaction(() => {
        for (const table of tablesOf(entity))
          db.run(`DELETE FROM ${table} WHERE id = ? AND deleted IS NOT NULL`, entity.id);
        db.run('DELETE FROM jobs WHERE id = ?', entity.id);
      });
    },
  };
}
