import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineInfo } from '../../../shared/domain/engine.ts';
import type { EvaluationRequest, EvaluationResult, TargetResult, Threat } from '../../../shared/domain/evaluation.ts';
import { writeAtomic } from '../arrays/atomic.ts';
import { npyParts } from '../arrays/npy.ts';
import type { Examples } from '../attacks/examples.ts';
import type { AttackOptions } from '../attacks/options.ts';
import type { Outcome } from '../attacks/outcome.ts';
import { workOf } from '../attacks/plan.ts';
import type { AttackPlan } from '../attacks/plan.ts';
import { attackNotes, resolveAttack } from '../attacks/registry.ts';
import type { ResolvedAttack } from '../attacks/registry.ts';
import { attackTransfer } from '../attacks/transfer.ts';
import { attackWhiteBox } from '../attacks/white-box.ts';
import { readExamples } from '../data/examples.ts';
import type { PackedDataset } from '../data/packed.ts';
import type { Control } from '../jobs/control.ts';
import { checkModels } from './check-models.ts';
import type { EvaluatedModel } from './check-models.ts';
import { choosePositions } from './choose.ts';
import { exampleRecords, targetResultOf } from './results.ts';
import { sourceNotes } from './source-notes.ts';
import { watchSpeed } from './speed.ts';

export interface EvaluationInput {
  readonly request: EvaluationRequest;
  readonly dataset: PackedDataset;
  /** In the order of the request. Their weights stay the caller's. */
  readonly targets: readonly EvaluatedModel[];
  /** null: white-box. */
  readonly source: EvaluatedModel | null;
  /** The engine that is loaded, for the record. */
  readonly engine: EngineInfo;
  readonly control: Pick<Control, 'checkpoint' | 'progress'>;
  /** Existing folder; each target gets a folder of its model's id inside. */
  readonly folder: string;
  /** Called after every restart with the results so far. */
  readonly onPartial: (targets: readonly TargetResult[]) => void;
}

/** Names of what an evaluation writes into `<folder>/<model id>/`. */
export const EVALUATION_FILES = {
  /** float32 [examples, height, width, channels]; see `Outcome.adversarial` for which iterate is kept. */
  adversarial: 'adversarial.npy',
  /** float32 [examples, classes] */
  logitsClean: 'logits-clean.npy',
  logitsAdversarial: 'logits-adversarial.npy',
  /** ExampleRecord[] */
  examples: 'examples.json',
} as const;

/**
 * Attacks every target and judges the outcome. White-box: each target is attacked on itself. Transfer: x' is made once
 * for each start on the source and judged on all targets; gray-box if the architectures are the same, else black-box.
 * Whatever goes wrong, no half-written results stay in `folder`.
 * @throws AppError `invalid-input` for bad settings or an empty split, `source-is-target`, `wrong-architecture`,
 *   `cancelled`, and the errors of writing.
 */
export async function evaluate(input: EvaluationInput): Promise<EvaluationResult> {
  const { request, dataset, targets, source, folder } = input;
  const watch = watchSpeed(input.control);
  const { control } = watch;
  const started = performance.now();
  const attack = resolveAttack(request.attack);
  await checkModels(dataset.manifest, targets, source);
  const positions = choosePositions(dataset, request.examples);
  const examples = readExamples(dataset, positions);
  const results: TargetResult[] = [];
  const written: string[] = [];
  const remarks = new Set(source ? targets.flatMap((target) => sourceNotes(source.model, target.model)) : []);

  const work = createMeter(control, attack);
  const options = (
    message: string,
    laterTargets: number,
    resultsOf: (outcomes: readonly Outcome[]) => TargetResult[],
  ): AttackOptions => ({
    examples,
    plan: attack.plan,
    seed: request.seed,
    batchSize: request.batchSize,
    includeMisclassified: request.includeMisclassified,
    control,
    onWork: (done, left) =>
      work.add(done, left + laterTargets * positions.length * attack.plan.restarts * workOf(attack.plan), message),
    onRestart: (outcomes) => {
      watch.look();
      input.onPartial([...results, ...resultsOf(outcomes)]);
    },
  });

  try {
    if (source) {
      const threatOf = (target: EvaluatedModel): Threat =>
        target.model.architecture === source.model.architecture ? 'gray-box' : 'black-box';
      const resultsOf = (outcomes: readonly Outcome[]): TargetResult[] =>
        outcomes.flatMap((outcome, position) => {
          const target = targets[position];
          return target ? [targetResultOf(target.model.id, threatOf(target), outcome, examples, attack.plan)] : [];
        });
      const outcomes = await watch.attacking(() =>
        attackTransfer(source, targets, options(`from ${source.model.name}`, 0, resultsOf)),
      );
      for (const [position, outcome] of outcomes.entries()) {
        const target = targets[position];
        outcome.notes.forEach((note) => remarks.add(note));
        if (target) await watch.writing(() => write(folder, target, outcome, examples, attack.plan, written));
      }
      results.push(...resultsOf(outcomes));
    } else {
      for (const [position, target] of targets.entries()) {
        const resultsOf = (outcomes: readonly Outcome[]): TargetResult[] =>
          outcomes.map((outcome) => targetResultOf(target.model.id, 'white-box', outcome, examples, attack.plan));
        const later = targets.length - position - 1;
        const outcome = await watch.attacking(() =>
          attackWhiteBox(target, options(`on ${target.model.name}`, later, resultsOf)),
        );
        await watch.writing(() => write(folder, target, outcome, examples, attack.plan, written));
        outcome.notes.forEach((note) => remarks.add(note));
        results.push(...resultsOf([outcome]));
      }
    }
  } catch (error) {
    await Promise.all(written.map((path) => rm(path, { recursive: true, force: true })));
    throw error;
  }
  work.finish();
  return {
    targets: results,
    indices: Array.from(positions),
    settings: attack.settings,
    notes: [
      ...attackNotes(attack, dataset.manifest.classes.length),
      ...remarks,
      ...resultNotes(request, results, positions.length),
    ],
    engine: input.engine,
    seconds: (performance.now() - started) / 1000,
    speed: watch.result(work.unit, work.done),
  };
}

/** Writes one target's files, each atomically, and notes the folder before the first of them. */
async function write(
  folder: string,
  { model }: EvaluatedModel,
  outcome: Outcome,
  examples: Examples,
  plan: AttackPlan,
  written: string[],
): Promise<void> {
  const into = join(folder, model.id);
  written.push(into);
  await mkdir(into, { recursive: true });
  const rows = examples.labels.length;
  const { classes } = outcome;
  const array = (name: string, shape: readonly number[], data: Float32Array): Promise<void> =>
    writeAtomic(join(into, name), npyParts({ dtype: 'f32', shape, data }));
  await array(EVALUATION_FILES.adversarial, [rows, ...examples.shape], outcome.adversarial);
  await array(EVALUATION_FILES.logitsClean, [rows, classes], outcome.cleanLogits);
  await array(EVALUATION_FILES.logitsAdversarial, [rows, classes], outcome.logits);
  const records = exampleRecords(outcome, examples, plan);
  await writeAtomic(join(into, EVALUATION_FILES.examples), JSON.stringify(records));
}

interface Meter {
  readonly unit: string;
  /** Work done so far. */
  readonly done: number;
  add(more: number, left: number, message: string): void;
  finish(): void;
}

/** Adds work up. The total is what is done and what may still come: it falls when examples leave early. */
function createMeter(control: Pick<Control, 'progress'>, { label, plan }: ResolvedAttack): Meter {
  const { unit } = plan.family;
  let done = 0;
  return {
    unit,
    get done() {
      return done;
    },
    add(more, left, message) {
      done += more;
      control.progress({ done, total: done + left, unit, message: `${label} ${message}` });
    },
    finish: () => control.progress({ done: Math.max(1, done), total: Math.max(1, done), unit, message: label }),
  };
}

function resultNotes(request: EvaluationRequest, results: readonly TargetResult[], examples: number): string[] {
  const notes: string[] = [];
  if (request.examples.count !== null && request.examples.count > examples) {
    notes.push(`The ${request.examples.split} split has ${examples} images: all of them were used.`);
  }
  if (request.includeMisclassified) {
    notes.push(
      'Examples that are misclassified without an attack were attacked too; they count as failures all the same.',
    );
  }
  for (const { model, nonFiniteGradients, constraintViolations } of results) {
    if (nonFiniteGradients > 0) {
      notes.push(
        `${model}: ${nonFiniteGradients} input gradients were not finite, so the attack was weaker than it looks.`,
      );
    }
    if (constraintViolations > 0) {
      notes.push(`${model}: ${constraintViolations} candidates broke the constraint and were not counted.`);
    }
  }
  return notes;
}
