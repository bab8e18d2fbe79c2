import type { EngineChoice } from '../../shared/domain/engine.ts';
import type { EvaluationRequest, EvaluationRequestInput, Goal } from '../../shared/domain/evaluation.ts';
import type { SettingValue, SettingValues } from '../../shared/domain/settings.ts';

/** The new-evaluation dialog while it is being filled in. */
export interface EvaluationForm {
  name: string;
  dataset: string;
  targets: readonly string[];
  threat: 'white-box' | 'transfer';
  /** Models that x′ is made on; several are averaged. */
  sources: readonly string[];
  goal: Goal;
  attack: string;
  settings: SettingValues;
  split: 'validation' | 'test';
  which: 'first' | 'sample' | 'all';
  count: number | null;
  sampleSeed: number | null;
  includeMisclassified: boolean;
  seed: number | null;
  batchSize: number | null;
  engine: EngineChoice;
  deterministic: boolean;
  /** What the attack may spend: seconds, and gradients or queries on one example. Null: no limit. */
  maxSeconds: number | null;
  maxWork: number | null;
}

export type FormProblem =
  | 'no-targets'
  | 'no-source'
  | 'source-is-target'
  | 'count'
  | 'sample-seed'
  | 'seed'
  | 'batch-size'
  | 'seconds'
  | 'work';

/** Sources that one ensemble takes at most. */
export const MOST_SOURCES = 16;

export function emptyEvaluationForm(dataset: string): EvaluationForm {
  return {
    name: '',
    dataset,
    targets: [],
    threat: 'white-box',
    sources: [],
    goal: 'untargeted',
    attack: '',
    settings: {},
    split: 'test',
    which: 'first',
    count: 500,
    sampleSeed: 0,
    includeMisclassified: false,
    seed: 0,
    batchSize: 500,
    engine: 'auto',
    deterministic: false,
    maxSeconds: null,
    maxWork: null,
  };
}

/** The form filled with an earlier request, to be changed and run again; its name is not taken over. */
export function formOf(request: EvaluationRequest): EvaluationForm {
  const { examples } = request;
  return {
    ...emptyEvaluationForm(request.dataset),
    targets: [...request.targets],
    threat: request.source === null ? 'white-box' : 'transfer',
    sources: request.source === null ? [] : [request.source, ...request.ensemble],
    goal: request.goal,
    attack: request.attack.name,
    settings: { ...request.attack.settings },
    split: examples.split,
    which: examples.count === null ? 'all' : examples.sample ? 'sample' : 'first',
    count: examples.count ?? 500,
    sampleSeed: examples.seed,
    includeMisclassified: request.includeMisclassified,
    seed: request.seed,
    batchSize: request.batchSize,
    engine: request.engine,
    deterministic: request.deterministic,
    maxSeconds: request.limits?.seconds ?? null,
    maxWork: request.limits?.work ?? null,
  };
}

/** What keeps the form from being sent, apart from the attack's own settings. */
export function formProblems(form: EvaluationForm): readonly FormProblem[] {
  const transfer = form.threat === 'transfer';
  const checks: readonly (readonly [FormProblem, boolean])[] = [
    ['no-targets', form.targets.length === 0],
    ['no-source', transfer && form.sources.length === 0],
    ['source-is-target', transfer && form.sources.some((id) => form.targets.includes(id))],
    ['count', form.which !== 'all' && !isWhole(form.count, 1)],
    ['sample-seed', form.which === 'sample' && !isWhole(form.sampleSeed, 0)],
    ['seed', !isWhole(form.seed, 0)],
    ['batch-size', !isWhole(form.batchSize, 1) || (form.batchSize ?? 0) > 4096],
    ['seconds', form.maxSeconds !== null && !(form.maxSeconds > 0)],
    ['work', form.maxWork !== null && !isWhole(form.maxWork, 1)],
  ];
  return checks.filter(([, wrong]) => wrong).map(([problem]) => problem);
}

/** The request that the form describes; call it on a form without problems. */
export function evaluationRequestOf(form: EvaluationForm): EvaluationRequestInput {
  const name = form.name.trim();
  const [source = null, ...ensemble] = form.threat === 'transfer' ? form.sources : [];
  return {
    ...(name !== '' && { name }),
    dataset: form.dataset,
    targets: [...form.targets],
    source,
    ensemble,
    goal: form.goal,
    ...((form.maxSeconds !== null || form.maxWork !== null) && {
      limits: { seconds: form.maxSeconds, work: form.maxWork },
    }),
    attack: { name: form.attack, settings: plainSettings(form.settings) },
    examples: {
      split: form.split,
      count: form.which === 'all' ? null : (form.count ?? 1),
      sample: form.which === 'sample',
      seed: form.which === 'sample' ? (form.sampleSeed ?? 0) : 0,
    },
    includeMisclassified: form.includeMisclassified,
    seed: form.seed ?? 0,
    batchSize: form.batchSize ?? 500,
    engine: form.engine,
    deterministic: form.deterministic,
  };
}

/** Settings as they go over IPC: plain, and lists as fresh arrays. */
export function plainSettings(
  settings: Readonly<Record<string, SettingValue>>,
): Record<string, number | string | boolean | null | string[]> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [
      key,
      typeof value === 'object' && value !== null ? [...value] : value,
    ]),
  );
}

function isWhole(value: number | null, least: number): boolean {
  return value !== null && Number.isInteger(value) && value >= least;
}
