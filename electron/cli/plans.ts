import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { epsilonLabel } from '../../shared/domain/epsilon.ts';
import { AppError } from '../../shared/domain/errors.ts';
import { goal, exampleChoice } from '../../shared/domain/evaluation.ts';
import type { EntityId } from '../../shared/domain/ids.ts';
import { PLAN_MODES, planAttack, planRequest } from '../../shared/domain/plan.ts';
import type { PlanComparison, PlanExport, PlanRequest, PlanResult } from '../../shared/domain/plan.ts';
import { parseSettings } from '../../shared/domain/settings.ts';
import { checkText } from '../services/check-text.ts';
import { attacksBehind, sourceNotesOf, weaknessBehind } from '../services/figures/plan-marks.ts';
import type { Library } from '../services/library.ts';
import { footnotes, markedLabel, markedModels, markedName } from '../services/marks.ts';
import type { MarkedModel } from '../services/marks.ts';
import { writeExport } from '../services/write-export.ts';
import { chooseModels } from './model-choice.ts';
import { percent, textTable } from './output.ts';
import { choose, finished, withLibrary, type GlobalOptions } from './session.ts';
import { readYaml } from './settings-flags.ts';

/** What stands in a plan's file: names instead of ids, and attacks without settings by their names alone. */
const planFile = z.strictObject({
  name: z.string().optional(),
  dataset: z.string(),
  models: z.array(z.string()).min(1),
  attacks: z.array(z.union([z.string().transform((name) => ({ name })), planAttack])).min(1),
  epsilons: z.array(z.number()).optional(),
  /** `white-box`, a model, or a list of models whose logits are averaged. */
  sources: z.array(z.union([z.string(), z.array(z.string())])).optional(),
  goal: goal.optional(),
  examples: exampleChoice.optional(),
  includeMisclassified: z.boolean().optional(),
  seeds: z.array(z.int()).optional(),
  mode: z.enum(PLAN_MODES).optional(),
  batchSize: z.int().optional(),
  engine: z.string().optional(),
  deterministic: z.boolean().optional(),
});

const WHITE_BOX = 'white-box';

/** Carries out a plan from a file, or goes on with one of the library, and shows all its numbers. */
export async function evaluatePlan(plan: string, out: string | undefined, options: GlobalOptions): Promise<void> {
  await withLibrary(options, 'own', async ({ library, output }) => {
    const known = library.plans.list().find(({ id, name }) => id === plan || name === plan);
    const id = known?.id ?? (await library.plans.create(await readPlanFile(library, plan))).id;
    if (known) library.plans.run(id);
    await planFinished(library, id);
    const result = await library.plans.result(id);
    const comparison = result.models.length > 1 ? await library.plans.compare(id, null) : null;
    if (out !== undefined) {
      await writePlan(library, result, out);
      output.say(`Tables: ${out}`);
    }
    const { name, evaluations, request } = library.plans.get(id);
    const modelOf = markedModels(library, request.dataset);
    output.result(
      { name, evaluations, ...result, comparison, checks: checksOf(result, modelOf) },
      [
        resultText(result, modelOf),
        ...(comparison ? [comparisonText(comparison, modelOf, (model) => weaknessBehind(result, null, [model]))] : []),
        footnotesOf(result, modelOf),
      ].join('\n\n'),
    );
  });
}

/** @throws AppError that names the file and the field, or the data set or model that is not there. */
async function readPlanFile(library: Library, file: string): Promise<PlanRequest> {
  const { dataset, models, sources, ...others } = parseSettings(planFile, await readYaml(file), file);
  const idsOf = (texts: readonly string[]): Promise<readonly EntityId[]> =>
    chooseModels(library, texts, `${file}: model`);
  const groups: (readonly EntityId[])[] = [];
  for (const source of sources ?? []) groups.push(source === WHITE_BOX ? [] : await idsOf([source].flat()));
  return parseSettings(
    planRequest,
    {
      ...others,
      dataset: choose(library.datasets.list(), dataset, `${file}: dataset`, ({ manifest }) => manifest.name).id,
      models: await idsOf(models),
      ...(sources && { sources: groups }),
    },
    file,
  );
}

/** Waits for every evaluation of a plan. @throws AppError of the first that did not end well, once all have ended. */
export async function planFinished(library: Library, id: EntityId): Promise<void> {
  const ends = await Promise.allSettled(library.plans.get(id).evaluations.map((step) => finished(library, step)));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

type ModelOf = (id: string) => MarkedModel;

/** By model: what its masking check says, as JSON has it. */
export function checksOf({ models }: Pick<PlanResult, 'models'>, modelOf: ModelOf): Record<string, string> {
  return Object.fromEntries(models.map((id) => [id, checkText(modelOf(id).check)]));
}

/** What stands below the tables of a plan. */
export function footnotesOf(result: PlanResult, modelOf: ModelOf): string {
  const worst = attacksBehind(result, null, result.models);
  const notes = footnotes(result.models.map(modelOf), [...result.columns, ...worst]);
  return [...notes, ...sourceNotesOf(result)].join('\n');
}

/** Every table of a plan as CSV and LaTeX, and its curves as CSV. */
export async function writePlan(library: Library, result: PlanResult, folder: string): Promise<void> {
  const { exportPlan } = await import('../services/figures/plan-exports.ts');
  const id = result.plan;
  const formats = ['csv', 'latex'] as const;
  const matrices = result.matrices.map(({ attackKey }, position) => ({ attackKey, position }));
  const wanted: { readonly file: string; readonly request: PlanExport }[] = [
    { file: 'curves', request: { what: 'curves', id, format: 'csv' } },
    ...formats.flatMap((format) => [
      { file: 'table', request: { what: 'table' as const, id, format } },
      ...(result.models.length > 1
        ? [{ file: 'comparison', request: { what: 'comparison' as const, id, column: null, format } }]
        : []),
      ...matrices.map(({ attackKey, position }) => ({
        file: `transfer-${position + 1}`,
        request: { what: 'matrix' as const, id, attackKey, format },
      })),
      ...result.models.flatMap((model) =>
        (['classes', 'confusion'] as const).map((what) => ({
          file: `${what}-${model}`,
          request: { what, id, model, column: null, format },
        })),
      ),
    ]),
  ];
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new AppError('io', `--out: ${folder} cannot be made. Choose another folder.`, { cause });
  });
  for (const { file, request } of wanted) {
    const { bytes } = await exportPlan(library, request);
    await writeExport(join(folder, `${file}.${request.format === 'csv' ? 'csv' : 'tex'}`), bytes);
  }
}

export function resultText(result: PlanResult, modelOf: ModelOf): string {
  const nameOf = (id: string): string => markedName(modelOf(id));
  const rows = result.models.flatMap((model) => [
    ...result.columns.flatMap(({ key, label, weak }) => {
      const cell = result.cells[model]?.[key];
      if (!cell) return [];
      const { mean, std } = cell.accuracy;
      const [low, high] = cell.bySeed[0]?.interval ?? [0, 1];
      const about =
        std === null ? `[${percent(low)}, ${percent(high)}]` : `± ${percent(std)} over ${cell.accuracy.seeds} seeds`;
      return [[nameOf(model), label, markedLabel({ label: percent(mean), weak }), about]];
    }),
    ...(result.worst[model] ?? []).map(({ norm, epsilon, accuracy, interval, attacks, weak }) => [
      nameOf(model),
      `worst case of ${attacks}, ${epsilonLabel({ norm, epsilon })}`,
      markedLabel({ label: percent(accuracy), weak }),
      `[${percent(interval[0])}, ${percent(interval[1])}]`,
    ]),
  ]);
  return textTable(['model', 'attack', 'accuracy', '95 %'], rows);
}

/** @param weakOf why a model's number is weak; null if it is not. */
export function comparisonText(
  { label, pairs }: PlanComparison,
  modelOf: ModelOf,
  weakOf: (model: string) => string | null,
): string {
  const nameOf = (id: string): string => markedName(modelOf(id));
  const rows = pairs.map((pair) => [
    nameOf(pair.first),
    nameOf(pair.second),
    markedLabel({ label: percent(pair.accuracyFirst), weak: weakOf(pair.first) }),
    markedLabel({ label: percent(pair.accuracySecond), weak: weakOf(pair.second) }),
    String(pair.onlyFirst),
    String(pair.onlySecond),
    pair.p.toPrecision(3),
    pair.holm.toPrecision(3),
    percent(pair.smallestDifference),
  ]);
  const head = [
    'first',
    'second',
    'first',
    'second',
    'only first',
    'only second',
    'p',
    'p (Holm)',
    'smallest difference',
  ];
  return `Paired comparison, ${label}\n${textTable(head, rows)}`;
}
