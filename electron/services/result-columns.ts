import type { EvaluationResult, Goal } from '../../shared/domain/evaluation.ts';
import type { EvaluationRow } from '../../shared/domain/library.ts';
import { shortHash } from '../../shared/domain/module.ts';
import type { ResolvedAttack } from '../compute/attacks/registry.ts';

/** One evaluation with a result, whose numbers for all models of one threat stand in one column. */
export interface Measured {
  readonly request: EvaluationRow['request'];
  readonly result: EvaluationResult;
  readonly attack: ResolvedAttack;
}

/** The same for evaluations that measure the same thing: threat, source, attack with all settings, images. */
export function columnKey(threat: string, measured: Measured): string {
  return JSON.stringify([...allButSettings(threat, measured), sorted(measured.attack.settings)]);
}

/**
 * Columns that share a family differ in nothing but ε. An attack with a step size is in two: with those of the same step
 * size, and with those whose step size is the same share of ε.
 */
export function familiesOf(threat: string, measured: Measured): string[] {
  const { epsilon, stepSize, ...others } = measured.attack.settings;
  const steps =
    typeof stepSize !== 'number' || typeof epsilon !== 'number' || epsilon === 0
      ? ['no step']
      : [`step ${stepSize.toPrecision(6)}`, `step ${(stepSize / epsilon).toPrecision(6)} ε`];
  return steps.map((step) => JSON.stringify([...allButSettings(threat, measured), sorted(others), step]));
}

function allButSettings(threat: string, { request, result }: Measured): readonly unknown[] {
  const { source, ensemble, attack, goal, limits, includeMisclassified, carryFrom } = request;
  return [
    threat,
    [source, ...ensemble],
    attack.name,
    attack.module ?? null,
    goal,
    [limits?.seconds ?? null, limits?.work ?? null],
    includeMisclassified,
    carryFrom.length > 0,
    imagesKey(result),
  ];
}

function sorted(settings: ResolvedAttack['settings']): readonly unknown[] {
  return Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Tells sets of images apart: their number, sum, and ends are enough for prefixes and seeded samples. */
export function imagesKey({ indices }: EvaluationResult): string {
  const sum = indices.reduce((total, index, row) => total + index * (row + 1), 0);
  return [indices.length, indices[0], indices.at(-1), sum].join(':');
}

/**
 * A column's label: `PGD-40, ε 0.25 from surrogate, 500 validation images`. The images are named where the table has
 * several sets of them, and where they are not of the test part.
 * @param source the source's name; null for white-box, or where it is named elsewhere.
 */
export function columnLabel(
  { request, result, attack }: Measured,
  source: string | null,
  severalSets: boolean,
): string {
  const { split, sample, seed } = request.examples;
  const part = split === 'test' ? '' : `${split} `;
  const count = severalSets ? `${result.indices.length} ` : '';
  const images = part === '' && count === '' ? '' : `, ${count}${part}images`;
  const chosen = severalSets && sample ? ` (sample ${seed})` : '';
  const survivors = request.carryFrom.length > 0 ? ', on survivors' : '';
  const from = source === null ? '' : ` from ${source}`;
  const what = [attack.label, goalWords(request.goal), survivors, limitWords(request.limits), from].join('');
  return `${what}${request.includeMisclassified ? ', misclassified too' : ''}${images}${chosen}`;
}

function limitWords(limits: Measured['request']['limits']): string {
  const { seconds = null, work = null } = limits ?? {};
  return `${seconds === null ? '' : `, at most ${seconds} s`}${work === null ? '' : `, work at most ${work}`}`;
}

const GOAL_WORDS: Readonly<Record<Goal, string>> = {
  untargeted: '',
  'least-likely': ', least likely class',
  random: ', random class',
  next: ', next class',
  all: ', all classes',
};

/** What is said of a goal behind an attack's label. */
export function goalWords(goal: Goal): string {
  return GOAL_WORDS[goal];
}

/**
 * Labels that would be the same get what their settings differ in: `PGD-40, ε 0.25, step 0.01`.
 * @param labelled with the settings that were used.
 */
export function distinctLabels(
  labelled: readonly { readonly label: string; readonly settings: ResolvedAttack['settings'] }[],
): string[] {
  return labelled.map(({ label, settings }) => {
    const twins = labelled.filter((other) => other.label === label);
    const differing = Object.keys(settings).filter(
      (key) => new Set(twins.map((twin) => JSON.stringify(twin.settings[key]))).size > 1,
    );
    return [label, ...differing.map((key) => settingWords(key, settings[key] ?? null))].join(', ');
  });
}

function settingWords(key: string, value: ResolvedAttack['settings'][string]): string {
  const shown = typeof value === 'number' ? Number(value.toPrecision(4)) : value;
  if (key === 'stepSize') return `step ${String(shown)}`;
  const words = key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  if (typeof shown === 'boolean') return shown ? words : `no ${words}`;
  return `${words} ${String(shown)}`;
}

/** What tells attacks of one label apart: their settings, and the version of the module that they come from. */
export function tellingSettings({ settings, module }: ResolvedAttack): ResolvedAttack['settings'] {
  return module === null ? settings : { ...settings, module: shortHash(module) };
}
