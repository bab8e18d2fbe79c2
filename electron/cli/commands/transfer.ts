import type { Command } from 'commander';
import { planRequest } from '../../../shared/domain/plan.ts';
import type { PlanResult } from '../../../shared/domain/plan.ts';
import { parseSettings } from '../../../shared/domain/settings.ts';
import { percent, textTable } from '../output.ts';
import { sourceNotesOf } from '../../services/figures/plan-marks.ts';
import { footnotes, markedLabel, markedModels, markedName, type MarkedModel } from '../../services/marks.ts';
import { checksOf, planFinished, writePlan } from '../plans.ts';
import { chooseModels } from '../model-choice.ts';
import { choose, withLibrary, type GlobalOptions } from '../session.ts';
import { collect, numberOption, parsePairs } from '../settings-flags.ts';

interface TransferFlags {
  readonly dataset: string;
  readonly model: readonly string[];
  readonly source?: readonly string[];
  readonly ensemble?: boolean;
  readonly attack: string;
  readonly eps?: number;
  readonly examples?: number;
  readonly seed?: number;
  readonly engine?: string;
  readonly set?: readonly string[];
  readonly out?: string;
}

/** Sources × targets: every adversarial example is made once for each source and judged on all the other models. */
export function transferCommand(program: Command): void {
  program
    .command('transfer')
    .description('make adversarial examples on each source and judge them on all models: a transfer matrix')
    .requiredOption('--dataset <id>', 'data set')
    .requiredOption('--model <run...>', 'models to judge on', collect(String))
    .option('--source <run...>', 'models to make the examples on; default: all of --model', collect(String))
    .option(
      '--ensemble',
      'also from all sources at once, their logits averaged; for a model that is a source, from all others',
    )
    .option('--attack <name>', 'an attack that transfers; “pairlight attacks” lists them', 'pgd')
    .option('--eps <epsilon>', 'radius, with pixels in [0, 1]', numberOption('--eps'))
    .option('--examples <n>', 'the first N of the test split', numberOption('--examples'))
    .option('--seed <seed>', 'seed of the random starts', numberOption('--seed'))
    .option('--engine <engine>', 'auto, tensorflow, webgpu or wasm')
    .option('--set <key=value...>', 'any other setting of the attack', collect(String))
    .option('--out <dir>', 'write the matrix and all tables as CSV and LaTeX')
    .action(async (flags: TransferFlags, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'own', async ({ library, output }) => {
        const models = await chooseModels(library, flags.model, '--model');
        const sources = flags.source ? await chooseModels(library, flags.source, '--source') : models;
        const request = parseSettings(
          planRequest,
          {
            dataset: choose(library.datasets.list(), flags.dataset, '--dataset', ({ manifest }) => manifest.name).id,
            models,
            attacks: [
              {
                name: flags.attack,
                settings: { ...parsePairs(flags.set ?? []), ...(flags.eps !== undefined && { epsilon: flags.eps }) },
              },
            ],
            sources: [[], ...sources.map((id) => [id]), ...(flags.ensemble ? ensemblesOf(sources, models) : [])],
            mode: 'each',
            examples: flags.examples === undefined ? {} : { count: flags.examples },
            ...(flags.seed !== undefined && { seeds: [flags.seed] }),
            ...(flags.engine !== undefined && { engine: flags.engine }),
          },
          'transfer',
        );
        const { id } = await library.plans.create(request);
        await planFinished(library, id);
        const result = await library.plans.result(id);
        if (flags.out !== undefined) await writePlan(library, result, flags.out);
        const matrices = result.matrices.map(({ label, rows }) => ({ label, rows }));
        const modelOf = markedModels(library, request.dataset);
        const shown = [...new Set([...result.models, ...request.sources.flat()])];
        output.result(
          {
            plan: id,
            models: result.models,
            clean: result.clean,
            matrices,
            checks: checksOf({ models: shown }, modelOf),
          },
          [
            ...result.matrices.map((matrix) => matrixText(matrix, result, modelOf)),
            [
              ...footnotes(
                shown.map(modelOf),
                result.columns.map(({ attackLabel, weak }) => ({ label: attackLabel, weak })),
              ),
              ...sourceNotesOf(result),
            ].join('\n'),
          ].join('\n\n'),
        );
      });
    });
}

/** All sources, for models that are none; and for each model that is one, all others. */
function ensemblesOf(sources: readonly string[], models: readonly string[]): string[][] {
  const whole = models.some((model) => !sources.includes(model)) ? [[...sources]] : [];
  const others = sources
    .filter((model) => models.includes(model))
    .map((model) => sources.filter((source) => source !== model));
  return [...whole, ...others].filter((ensemble) => ensemble.length > 1);
}

function matrixText(
  { attackKey, label, rows }: PlanResult['matrices'][number],
  { models, columns }: PlanResult,
  modelOf: (id: string) => MarkedModel,
): string {
  const weak = columns.find((column) => column.attackKey === attackKey)?.weak ?? null;
  const lines = rows.map((row) => [
    row.label,
    ...models.map((model) => {
      const share = row.accuracy[model];
      return share === undefined ? percent(null) : markedLabel({ label: percent(share), weak });
    }),
  ]);
  const names = models.map((model) => markedName(modelOf(model)));
  return `Accuracy under ${label}, by source (down) and model (across)\n${textTable(['source', ...names], lines)}`;
}
