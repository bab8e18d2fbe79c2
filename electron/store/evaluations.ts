import type {
  EvaluationRequest,
  EvaluationResult,
  ExampleQuery,
  ExampleRecord,
  TargetResult,
} from '../../shared/domain/evaluation.ts';
import type { EvaluationRow } from '../../shared/domain/library.ts';
import type { RunState } from '../../shared/domain/training.ts';
import type { Database } from './database.ts';
import { fromJson, fromJsonOrNull } from './json.ts';

export interface EvaluationStore {
  /** Adds an evaluation; its job of the same id must exist. */
  add(evaluation: {
    readonly id: string;
    readonly name: string;
    readonly request: EvaluationRequest;
    readonly created: string;
    /** The plan that it is a step of, and which one. */
    readonly step?: { readonly plan: string; readonly place: number };
  }): void;
  get(id: string): EvaluationRow | undefined;
  list(): EvaluationRow[];
  /** Steps of a plan in their order. */
  ofPlan(plan: string): EvaluationRow[];
  /** Their ids and states alone, in the same order. */
  states(plan: string): { readonly id: string; readonly state: RunState }[];
  setPartial(id: string, targets: readonly TargetResult[]): void;
  /** Stores the outcome whole or not at all: the result and every target's examples. */
  setResult(id: string, result: EvaluationResult, examples: ReadonlyMap<string, readonly ExampleRecord[]>): void;
  /** Takes away the results of an evaluation that starts again. */
  clear(id: string): void;
  examples(query: ExampleQuery): { readonly total: number; readonly examples: ExampleRecord[] };
  /** Every example of one target, by row. */
  records(evaluation: string, model: string): ExampleRecord[];
  /** What became of the examples of one target, of the rows from `first` to before `end`. */
  outcomes(
    evaluation: string,
    model: string,
    first: number,
    end: number,
  ): { readonly position: number; readonly broken: number; readonly distance: number | null }[];
  /** Whether each attacked position withstood, by position; only what `model` has in `evaluation`. */
  survival(evaluation: string, model: string): ReadonlyMap<number, boolean>;
}

interface Raw {
  readonly id: string;
  readonly name: string;
  readonly plan: string | null;
  readonly request: string;
  readonly state: RunState;
  readonly partial: string;
  readonly result: string | null;
  readonly error: string | null;
  readonly created: string;
}

interface RawExample extends Omit<ExampleRecord, 'broken' | 'attacked' | 'survives8Bit'> {
  readonly broken: number;
  readonly attacked: number;
  readonly survives8Bit: number | null;
}

const SELECT = `SELECT evaluations.id, name, plan, request, jobs.state, partial, result, jobs.error, evaluations.created
  FROM evaluations JOIN jobs ON jobs.id = evaluations.id WHERE deleted IS NULL`;

const EXAMPLE = `SELECT position AS "index", row, label, clean_prediction AS cleanPrediction,
  adversarial_prediction AS adversarialPrediction, broken, attacked, first_success AS firstSuccessIteration, restart,
  linf, l2, l1, distance, survives_8bit AS survives8Bit, carried_from AS carriedFrom,
  clean_confidence AS cleanConfidence, adversarial_confidence AS adversarialConfidence, queries
  FROM example_results WHERE evaluation = ? AND model = ?`;

const SHOW: Readonly<Record<ExampleQuery['show'], string>> = {
  all: '',
  broken: 'AND broken = 1',
  survived: 'AND broken = 0',
  misclassified: 'AND clean_prediction <> label',
};

const CLASS_FILTERS = [
  ['label', 'label'],
  ['before', 'clean_prediction'],
  ['after', 'CASE WHEN broken = 1 THEN adversarial_prediction ELSE clean_prediction END'],
] as const;

const SORT: Readonly<Record<ExampleQuery['sort'], string>> = {
  index: 'position',
  firstSuccess: 'first_success',
  linf: 'linf',
  l2: 'l2',
  l1: 'l1',
  distance: 'distance',
  confidence: 'adversarial_confidence',
};

export function evaluationStore(db: Database): EvaluationStore {
  const clear = (id: string): void => {
    db.run(`UPDATE evaluations SET result = NULL, partial = '[]' WHERE id = ?`, id);
    db.run('DELETE FROM evaluation_results WHERE evaluation = ?', id);
    db.run('DELETE FROM example_results WHERE evaluation = ?', id);
  };
  return {
    add: ({ id, name, request, created, step }) => {
      db.run(
        'INSERT INTO evaluations (id, name, dataset, source, request, created, plan, place) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
        id,
        name,
        request.dataset,
        request.source,
        JSON.stringify(request),
        created,
        step?.plan ?? null,
        step?.place ?? null,
      );
    },
    get: (id) => {
      const row = db.get<Raw>(`${SELECT} AND evaluations.id = ?`, id);
      return row && toEvaluation(row);
    },
    list: () => db.all<Raw>(`${SELECT} ORDER BY evaluations.created, evaluations.id`).map(toEvaluation),
    ofPlan: (plan) => db.all<Raw>(`${SELECT} AND plan = ? ORDER BY place, evaluations.id`, plan).map(toEvaluation),
    states: (plan) =>
      db.all<{ id: string; state: RunState }>(
        `SELECT evaluations.id, jobs.state FROM evaluations JOIN jobs ON jobs.id = evaluations.id
          WHERE deleted IS NULL AND plan = ? ORDER BY place, evaluations.id`,
        plan,
      ),
    setPartial: (id, targets) => {
      db.run('UPDATE evaluations SET partial = ? WHERE id = ?', JSON.stringify(targets), id);
    },
    setResult: (id, result, examples) => {
      db.transaction(() => {
        clear(id);
        db.run(
          'UPDATE evaluations SET result = ?, partial = ? WHERE id = ?',
          JSON.stringify(result),
          JSON.stringify(result.targets),
          id,
        );
        for (const target of result.targets) {
          db.run('INSERT INTO evaluation_results VALUES (?, ?, ?)', id, target.model, JSON.stringify(target));
        }
        for (const [model, records] of examples) for (const record of records) addExample(db, id, model, record);
      });
    },
    clear: (id) => {
      db.transaction(() => clear(id));
    },
    examples: (query) => {
      const chosen = CLASS_FILTERS.flatMap(([key, value]) =>
        query[key] === undefined ? [] : { value, is: query[key] },
      );
      const filter = [SHOW[query.show], ...chosen.map(({ value }) => `AND ${value} = ?`)].join(' ');
      const wanted = chosen.map(({ is }) => is);
      const total = db.get<{ total: number }>(
        `SELECT count(*) AS total FROM example_results WHERE evaluation = ? AND model = ? ${filter}`,
        query.evaluation,
        query.model,
        ...wanted,
      );
      const order = `${SORT[query.sort]} ${query.descending ? 'DESC' : 'ASC'} NULLS LAST, row`;
      const rows = db.all<RawExample>(
        `${EXAMPLE} ${filter} ORDER BY ${order} LIMIT ? OFFSET ?`,
        query.evaluation,
        query.model,
        ...wanted,
        query.limit,
        query.offset,
      );
      return {
        total: total?.total ?? 0,
        examples: rows.map(toExample),
      };
    },
    records: (evaluation, model) => db.all<RawExample>(`${EXAMPLE} ORDER BY row`, evaluation, model).map(toExample),
    outcomes: (evaluation, model, first, end) =>
      db.all(
        'SELECT position, broken, distance FROM example_results WHERE evaluation = ? AND model = ? AND row >= ? AND row < ?',
        evaluation,
        model,
        first,
        end,
      ),
    survival: (evaluation, model) =>
      new Map(
        db
          .all<{ position: number; broken: number }>(
            'SELECT position, broken FROM example_results WHERE evaluation = ? AND model = ?',
            evaluation,
            model,
          )
          .map((row) => [row.position, row.broken === 0]),
      ),
  };
}

function addExample(db: Database, evaluation: string, model: string, record: ExampleRecord): void {
  db.run(
    'INSERT INTO example_results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    evaluation,
    model,
    record.row,
    record.index,
    record.label,
    record.cleanPrediction,
    record.adversarialPrediction,
    record.broken ? 1 : 0,
    record.attacked ? 1 : 0,
    record.firstSuccessIteration,
    record.restart,
    record.linf,
    record.l2,
    record.cleanConfidence,
    record.adversarialConfidence,
    record.queries,
    record.l1,
    record.distance,
    record.survives8Bit === null ? null : Number(record.survives8Bit),
    record.carriedFrom,
  );
}

function toExample(row: RawExample): ExampleRecord {
  return {
    ...row,
    broken: row.broken === 1,
    attacked: row.attacked === 1,
    survives8Bit: row.survives8Bit === null ? null : row.survives8Bit === 1,
  };
}

function toEvaluation(row: Raw): EvaluationRow {
  return {
    ...row,
    request: fromJson(row.request),
    partial: fromJson(row.partial),
    result: fromJsonOrNull(row.result),
    error: fromJsonOrNull(row.error),
  };
}
