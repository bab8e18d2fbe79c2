import type { AttackSpec } from '../../../../shared/domain/evaluation.ts';
import { gatherRows, imageSize } from '../../attacks/base/examples.ts';
import type { Examples, Subject } from '../../attacks/base/examples.ts';
import { createOracle } from '../../attacks/base/oracle.ts';
import type { AttackOptions } from '../../attacks/options.ts';
import type { Outcome } from '../../attacks/base/outcome.ts';
import { predictionOf } from '../../attacks/base/outcome.ts';
import { resolveAttack } from '../../attacks/registry.ts';
import { createAttackSteps } from '../../attacks/ascent/steps.ts';
import { attackTransfer } from '../../attacks/base/transfer.ts';
import { attackWhiteBox } from '../../attacks/base/white-box.ts';
import type { Control } from '../../jobs/control.ts';
import { stateHash } from '../state.ts';
import { BASELINE_ITERATIONS, SQUARE_QUERIES } from './budget.ts';
import type { CheckBudget } from './budget.ts';
import type { Attempt, CheckRecord, Course } from './record.ts';

export interface CheckSource extends Subject {
  readonly id: string;
  readonly name: string;
}

export interface ProbeInput {
  readonly subject: Subject;
  readonly sources: readonly CheckSource[];
  readonly examples: Examples;
  /** Radius in L∞. */
  readonly epsilon: number;
  readonly budget: CheckBudget;
  readonly seed: number;
  readonly batchSize: number;
  readonly control: Pick<Control, 'checkpoint'>;
  readonly record: Pick<CheckRecord, 'attempts' | 'attempt'>;
  /** Called with the share of the running part that is done, 0…1, as far as it can be told. */
  readonly onWork: (share: number) => void;
}

/** What the parts of the check ask of the model: it sees images, logits and gradients, never how the model was trained. */
export interface Probe extends Omit<ProbeInput, 'onWork' | 'record'> {
  readonly classes: number;
  /** Rows that are rightly classified without an attack: the only ones that are attacked. */
  readonly right: readonly number[];
  /** Rows that no attack of this probe within ε has broken so far. */
  readonly unbroken: ReadonlySet<number>;
  /** Attacks the model on itself. Rows: all that are right, if left out. */
  readonly attack: (spec: AttackSpec, rows?: readonly number[]) => Promise<Attempt>;
  /** Tries a source's adversarial examples on the model. */
  readonly transfer: (source: CheckSource, spec: AttackSpec, rows: readonly number[]) => Promise<Attempt>;
  /** Logits of images [count, height, width, channels] → [count, classes]. */
  readonly logits: (images: Float32Array, count: number) => Promise<Float32Array>;
  /** PGD from one start with the step size of PGD-40, run on for all iterations of the budget. */
  readonly longRun: () => Promise<Attempt>;
  /** Share of all examples that some rows are. */
  readonly accuracy: (rows: number) => number;
  readonly dispose: () => void;
}

/** Step size of the baseline, as a share of ε: 2.5 / 40. */
export const BASELINE_STEP = 2.5 / BASELINE_ITERATIONS;

/** PGD with the baseline's step size. */
export function baseline({ epsilon }: Pick<ProbeInput, 'epsilon'>, settings: AttackSpec['settings']): AttackSpec {
  return { name: 'pgd', settings: { epsilon, stepSize: BASELINE_STEP * epsilon, ...settings } };
}

/** The search without gradients that findings ask for. */
export function squareAt(epsilon: number): AttackSpec {
  return { name: 'square', settings: { epsilon, queries: SQUARE_QUERIES } };
}

/** The caller disposes of the probe; subject and sources stay the caller's. */
export async function createProbe(input: ProbeInput): Promise<Probe> {
  const { subject, examples, epsilon, seed, batchSize, budget, record } = input;
  const { classes } = subject.network;
  const steps = createAttackSteps(subject.network);
  const oracle = createOracle(steps, subject, input);
  const clean = await oracle(examples.images, examples.labels.length);
  const right = Array.from(examples.labels.keys()).filter(
    (row) => predictionOf(clean, row * classes, classes) === examples.labels[row],
  );
  const unbroken = new Set(right);
  for (const attempt of record.attempts) note(unbroken, attempt, epsilon);
  let long: Promise<Attempt> | null = null;

  const optionsOf = (spec: AttackSpec, rows: readonly number[], course: Course): AttackOptions => {
    let done = 0;
    return {
      examples: subset(examples, rows),
      plan: resolveAttack(spec).plan,
      seed,
      batchSize: Math.max(1, Math.min(batchSize, rows.length)),
      includeMisclassified: false,
      ...course,
      onWork: (more, left) => {
        done += more;
        input.onWork(done / Math.max(1, done + left));
      },
    };
  };
  /** One attack on some rows, or what the record has of it. */
  const attempt = async (
    spec: AttackSpec,
    rows: readonly number[],
    from: string,
    run: (options: AttackOptions) => Promise<Outcome | undefined>,
  ): Promise<Attempt> => {
    const { epsilon: radius } = resolveAttack(spec).plan;
    if (rows.length === 0) return { standing: [], brokenAt: new Map(), byRestart: [0], epsilon: radius };
    const done = await record.attempt(stateHash([from, spec, rows]), async (course) => {
      const outcome = await run(optionsOf(spec, rows, course));
      if (!outcome) throw new TypeError('An attack on one model has one outcome.');
      return attemptOf(outcome, rows, radius);
    });
    note(unbroken, done, epsilon);
    return done;
  };

  const probe: Probe = {
    ...input,
    classes,
    right,
    unbroken,
    attack: (spec, rows = right) => attempt(spec, rows, '', (options) => attackWhiteBox(subject, options)),
    transfer: (source, spec, rows) =>
      attempt(spec, rows, source.id, async (options) => (await attackTransfer(source, [subject], options))[0]),
    logits: oracle,
    longRun: () =>
      (long ??= probe.attack(baseline(input, { steps: budget.iterations, restarts: 1, stopAtSuccess: true }))),
    accuracy: (rows) => rows / examples.labels.length,
    dispose: () => steps.dispose(),
  };
  return probe;
}

function attemptOf(
  { succeeded, cleanWrong, iteration, robustAfter }: Outcome,
  rows: readonly number[],
  epsilon: number,
): Attempt {
  const brokenAt = new Map<number, number>();
  const standing: number[] = [];
  // A model whose answers change may have changed its mind about an image that nobody touched.
  rows.forEach((row, at) => {
    if (succeeded[at] || cleanWrong[at]) brokenAt.set(row, Math.max(0, iteration[at] ?? 0));
    else standing.push(row);
  });
  return { standing, brokenAt, byRestart: robustAfter, epsilon };
}

/** Takes the rows out that an attack within the check's ε has broken. */
function note(unbroken: Set<number>, attempt: Attempt, epsilon: number): void {
  if (attempt.epsilon <= epsilon) for (const row of attempt.brokenAt.keys()) unbroken.delete(row);
}

/** Rows that stand after so many iterations of an attack that runs on. */
export function standingAfter({ standing, brokenAt }: Attempt, iterations: number): number {
  return standing.length + [...brokenAt.values()].filter((at) => at > iterations).length;
}

/** Some of the examples, each with its own random stream. */
export function subset({ images, labels, indices, shape }: Examples, rows: readonly number[]): Examples {
  return {
    images: gatherRows(images, rows, imageSize(shape)),
    labels: Int32Array.from(rows, (row) => labels[row] ?? 0),
    indices: Uint32Array.from(rows, (row) => indices[row] ?? 0),
    shape,
  };
}
