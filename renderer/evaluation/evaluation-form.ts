import type { EngineChoice } from '../../shared/domain/engine.ts';
import type { EvaluationRequest, EvaluationRequestInput } from '../../shared/domain/evaluation.ts';
import type { SettingValue, SettingValues } from '../../shared/domain/settings.ts';

/** The new-evaluation dialog while it is being filled in. */
export interface EvaluationForm {
  name: string;
  dataset: string;
  targets: readonly string[];
  threat: 'white-box' | 'transfer';
  source: string | null;
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
}

export type FormProblem =
  'no-targets' | 'no-source' | 'source-is-target' | 'count' | 'sample-seed' | 'seed' | 'batch-size';

export function emptyEvaluationForm(dataset: string): EvaluationForm {
  return {
    name: '',
    dataset,
    targets: [],
    threat: 'white-box',
    source: null,
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
  };
}

/** The form filled with an earlier request, to be changed and run again; its name is not taken over. */
export function formOf(request: EvaluationRequest): EvaluationForm {
  const { examples } = request;
  return {
    ...emptyEvaluationForm(request.dataset),
    targets: [...request.targets],
    threat: request.source === null ? 'white-box' : 'transfer',
    source: request.source,
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
  };
}

/** What keeps the form from being sent, apart from the attack's own settings. */
export function formProblems(form: EvaluationForm): readonly FormProblem[] {
  const transfer = form.threat === 'transfer';
  const checks: readonly (readonly [FormProblem, boolean])[] = [
    ['no-targets', form.targets.length === 0],
    ['no-source', transfer && form.source === null],
    ['source-is-target', transfer && form.source !== null && form.targets.includes(form.source)],
    ['count', form.which !== 'all' && !isWhole(form.count, 1)],
    ['sample-seed', form.which === 'sample' && !isWhole(form.sampleSeed, 0)],
    ['seed', !isWhole(form.seed, 0)],
    ['batch-size', !isWhole(form.batchSize, 1) || (form.batchSize ?? 0) > 4096],
  ];
  return checks.filter(([, wrong]) => wrong).map(([problem]) => problem);
}

/** The request that the form describes; call it on a form without problems. */
export function evaluationRequestOf(form: EvaluationForm): EvaluationRequestInput {
  const name = form.name.trim();
  return {
    ...(name !== '' && { name }),
    dataset: form.dataset,
    targets: [...form.targets],
    source: form.threat === 'transfer' ? form.source : null,
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
