import { AppError } from '../../../../shared/domain/errors.ts';
import { prepareStep } from '../../engines/step.ts';
import { networkSpec, weightList } from '../../models/network.ts';
import type { ApgdLoss } from './apgd-loss.ts';
import { isTargeted } from './apgd-loss.ts';
import { SPARSE_APGD } from './apgd-sparse-steps.ts';
import { APGD } from './apgd-steps.ts';
import { apgdLength, apgdTask } from './apgd-tasks.ts';
import { gatherRows, imageSize } from '../base/examples.ts';
import type { Subject } from '../base/examples.ts';
import type { Found, Method } from '../method.ts';
import type { AttackOptions } from '../options.ts';
import { createOracle } from '../base/oracle.ts';
import { defineFamily } from '../plan.ts';
import type { AttackPlan } from '../plan.ts';
import { runPool, strideOf } from '../base/pool.ts';
import type { AttackSteps } from '../ascent/steps.ts';

/** Auto-PGD: gradient ascent whose step sizes fall by themselves. */
export interface ApgdPlan extends AttackPlan {
  readonly loss: ApgdLoss;
  readonly steps: number;
  /** Classes that a targeted loss tries one after the other: the likeliest wrong ones of the clean image. */
  readonly targets: number;
  /** α of the paper's eq. 1: weight of the new step against the last one's direction, in (0, 1]. None in L1. */
  readonly momentum: number;
  /** ρ: a step size stays if more than this share of the steps since the last checkpoint raised the loss. None in L1. */
  readonly rho: number;
  /** Passes whose gradients are averaged at each iterate; 1 but for models that are random themselves. */
  readonly samples: number;
}

export const APGD_FAMILY = defineFamily<ApgdPlan>({
  name: 'apgd',
  unit: 'gradients',
  minimal: false,
  targeted: true,
  access: () => 'gradients',
  work: (plan) => workOfOne(plan) * (isTargeted(plan.loss) ? plan.targets : 1),
  stopsAtSuccess: () => true,
  isAtLeast: (more, less) =>
    more.loss === less.loss &&
    more.steps >= less.steps &&
    more.samples >= less.samples &&
    (!isTargeted(less.loss) || more.targets >= less.targets),
  create: createApgd,
});

/** Iterations of one call at most: broken examples are looked for between calls. */
const LONGEST_STRIDE = 8;

/** Gradients of one run for one example. */
function workOfOne(plan: ApgdPlan): number {
  return apgdLength(plan) * plan.samples;
}

/** Classes that are tried one after the other, and the loss: what of a plan depends on the number of classes. */
export function fitToClasses(
  { loss, targets }: Pick<ApgdPlan, 'loss' | 'targets'>,
  classes: number,
): { readonly loss: ApgdLoss; readonly targets: number; readonly notes: readonly string[] } {
  if (loss === 'dlr' && classes < 3) {
    throw new AppError(
      'invalid-input',
      `The DLR loss needs at least 3 classes, and this model has ${classes}. Choose the cross-entropy.`,
      { details: { field: 'loss', found: classes } },
    );
  }
  if (!isTargeted(loss)) return { loss, targets: 0, notes: [] };
  const tried = Math.min(targets, classes - 1);
  const notes: string[] = [];
  if (tried < targets) notes.push(`APGD-T tried ${tried} target classes, not ${targets}: there are no more.`);
  if (loss === 'targeted-cross-entropy' || classes >= 4) return { loss, targets: tried, notes };
  notes.push(
    `The targeted DLR loss needs at least 4 classes, and this model has ${classes}: the targeted cross-entropy took its place.`,
  );
  return { loss: 'targeted-cross-entropy', targets: tried, notes };
}

/**
 * With {@link AttackOptions.targets} rows are led to those classes, by the targeted form of the loss.
 * @throws AppError `invalid-input` if the loss is not defined for so few classes.
 */
function createApgd(steps: AttackSteps, subject: Subject, options: AttackOptions<ApgdPlan>): Method {
  const { network, weights } = subject;
  const { examples, seed, targets: aims } = options;
  const fitted = fitToClasses({ ...options.plan, loss: lossFor(options.plan.loss, aims) }, network.classes);
  const plan: ApgdPlan = { ...options.plan, ...fitted };
  const stride = plan.samples > 1 ? 1 : strideOf(apgdLength(plan), LONGEST_STRIDE);
  const view = { loss: plan.loss, samples: plan.samples, aimed: aims !== undefined };
  const parameters = { network: networkSpec(network), iterations: stride, ...view };
  const step =
    plan.norm === 'l1' ? prepareStep(SPARSE_APGD, parameters) : prepareStep(APGD, { ...parameters, norm: plan.norm });
  const list = weightList(network, weights);

  const runOnce = (
    rows: readonly number[],
    start: number,
    targets: Int32Array | null,
    onWork: (done: number, left: number) => void,
  ): AsyncGenerator<Found> => {
    const task = apgdTask({ examples, plan, seed, start, targets }, step, list, stride);
    const counted = (done: number, left: number): void => onWork(done * plan.samples, left * plan.samples);
    return runPool(task, rows, options, counted);
  };

  /** Leads rows to one wrong class after the other; those that are broken leave, the others are handed out at the end. */
  async function* runTargets(
    rows: readonly number[],
    restart: number,
    onWork: (done: number, left: number) => void,
  ): AsyncGenerator<Found> {
    const ranked = await rankClasses(steps, subject, options, rows);
    let open = rows;
    for (let place = 0; place < plan.targets && open.length > 0; place += 1) {
      const last = place === plan.targets - 1;
      const targets = new Int32Array(examples.labels.length);
      open.forEach((row) => (targets[row] = ranked.get(row)?.[place] ?? 0));
      const later = plan.targets - place - 1;
      const survivors: number[] = [];
      const start = restart * plan.targets + place;
      const counted = (done: number, left: number): void =>
        onWork(done, left + later * survivors.length * workOfOne(plan));
      for await (const { candidates, nonFinite } of runOnce(open, start, targets, counted)) {
        survivors.push(...candidates.flatMap(({ row, iteration }) => (iteration < 0 ? [row] : [])));
        yield { candidates: last ? candidates : candidates.filter(({ iteration }) => iteration >= 0), nonFinite };
      }
      open = survivors.toSorted((a, b) => a - b);
    }
  }

  return {
    run(rows, restart, onWork) {
      if (aims) return runOnce(rows, restart, aims, onWork);
      return isTargeted(plan.loss) ? runTargets(rows, restart, onWork) : runOnce(rows, restart, null, onWork);
    },
    notes: () => [...fitted.notes, ...(step.note === null ? [] : [step.note])],
    dispose: () => step.dispose(),
  };
}

/** The form of a loss that leads to classes that are given. */
function lossFor(loss: ApgdLoss, aims: Int32Array | undefined): ApgdLoss {
  if (!aims || isTargeted(loss)) return loss;
  return loss === 'dlr' ? 'targeted-dlr' : 'targeted-cross-entropy';
}

/** The wrong classes of each row, those of the largest logits of the clean image first. */
async function rankClasses(
  steps: AttackSteps,
  subject: Subject,
  options: Pick<AttackOptions, 'examples' | 'batchSize' | 'control'>,
  rows: readonly number[],
): Promise<ReadonlyMap<number, readonly number[]>> {
  const { examples } = options;
  const { classes } = subject.network;
  const images = gatherRows(examples.images, rows, imageSize(examples.shape));
  const logits = await createOracle(steps, subject, options)(images, rows.length);
  return new Map(
    rows.map((row, at) => {
      const own = logits.subarray(at * classes, (at + 1) * classes);
      const others = Array.from(own.keys()).filter((k) => k !== examples.labels[row]);
      return [row, others.toSorted((a, b) => (own[b] ?? 0) - (own[a] ?? 0))];
    }),
  );
}
