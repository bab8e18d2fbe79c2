import { measurePerturbation } from '../base/budget.ts';
import { imageSize } from '../base/examples.ts';
import type { Examples, Subject } from '../base/examples.ts';
import type { Found, Method } from '../method.ts';
import type { AttackOptions } from '../options.ts';
import { defineFamily, FORWARD_PASSES, workOf } from '../plan.ts';
import type { AttackPlan } from '../plan.ts';
import type { AttackSteps } from '../ascent/steps.ts';

/** One attack of several, with its title. */
export interface Part {
  readonly title: string;
  readonly plan: AttackPlan;
}

/** Attacks one after the other, each on what the ones before it left. Its starts are theirs, in their order. */
export interface AutoAttackPlan extends AttackPlan {
  readonly version: 'standard' | 'rand';
  readonly parts: readonly Part[];
}

interface Stage {
  readonly part: number;
  /** Start of the part. */
  readonly restart: number;
  readonly title: string;
}

export const AUTOATTACK_FAMILY = defineFamily<AutoAttackPlan>({
  name: 'autoattack',
  unit: 'gradients',
  minimal: false,
  targeted: false,
  access: () => 'gradients',
  /** Of an average start; a query counts as the share of a gradient that it costs. */
  work: ({ parts, restarts }) =>
    Math.ceil(parts.reduce((sum, { plan }) => sum + plan.restarts * workOf(plan) * gradientsOf(plan), 0) / restarts),
  stopsAtSuccess: () => true,
  parts: ({ parts }) => parts.map(({ plan }) => plan),
  stages: (plan) => stagesOf(plan).map(({ title }) => title),
  isAtLeast: (more, less) => more.version === less.version,
  create: createAutoAttack,
});

/** Gradients that a unit of work of a part comes to. */
function gradientsOf({ family: { unit } }: AttackPlan): number {
  return FORWARD_PASSES[unit] / FORWARD_PASSES.gradients;
}

/** Starts of all parts together. */
export function startsOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { plan }) => sum + plan.restarts, 0);
}

function stagesOf({ parts }: Pick<AutoAttackPlan, 'parts'>): readonly Stage[] {
  return parts.flatMap(({ title, plan }, part) =>
    Array.from({ length: plan.restarts }, (_, restart): Stage => ({
      part,
      restart,
      title: plan.restarts > 1 ? `${title}, start ${restart + 1}` : title,
    })),
  );
}

/** @throws AppError `invalid-input` if a part does not fit the model, before any of them runs. */
function createAutoAttack(steps: AttackSteps, subject: Subject, options: AttackOptions<AutoAttackPlan>): Method {
  const { plan, examples } = options;
  const stages = stagesOf(plan);
  const methods: Method[] = [];
  const dispose = (): void => methods.forEach((method) => method.dispose());
  try {
    for (const part of plan.parts)
      methods.push(part.plan.family.create(steps, subject, { ...options, plan: part.plan }));
  } catch (error) {
    dispose();
    throw error;
  }
  return {
    async *run(rows, restart, onWork) {
      const stage = stages[restart % stages.length];
      const part = plan.parts[stage?.part ?? -1];
      const method = methods[stage?.part ?? -1];
      if (!stage || !part || !method || rows.length === 0) return;
      for await (const found of method.run(rows, stage.restart, inGradients(part.plan, onWork))) {
        yield part.plan.family.minimal ? withinBall(found, examples, plan) : found;
      }
    },
    notes: () => methods.flatMap((method) => method.notes()),
    dispose,
  };
}

/** Work of a part, told in whole gradients; what is left over is told with what comes next. */
function inGradients(plan: AttackPlan, onWork: Parameters<Method['run']>[2]): Parameters<Method['run']>[2] {
  const share = gradientsOf(plan);
  let all = 0;
  let told = 0;
  return (done, left) => {
    all += done * share;
    const more = Math.round(all) - told;
    told += more;
    onWork(more, Math.ceil(left * share));
  };
}

/** What an attack that looks for the smallest perturbation finds beyond ε is no success of the whole. */
function withinBall({ candidates, nonFinite }: Found, examples: Examples, ball: AutoAttackPlan): Found {
  const size = imageSize(examples.shape);
  const isInside = (row: number, image: Float32Array): boolean =>
    measurePerturbation(examples.images, row * size, image, 0, size, ball).valid;
  return {
    candidates: candidates.map((candidate) =>
      isInside(candidate.row, candidate.image) ? candidate : { ...candidate, iteration: -1, lastWrong: false },
    ),
    nonFinite,
  };
}
