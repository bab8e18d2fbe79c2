import { join } from 'node:path';
import type { Command } from 'commander';
import { AppError } from '../../../shared/domain/errors.ts';
import { planRequest } from '../../../shared/domain/plan.ts';
import { parseSettings } from '../../../shared/domain/settings.ts';
import type { Library } from '../../services/library.ts';
import { writeExport } from '../../services/write-export.ts';
import { weaknessBehind } from '../../services/figures/plan-marks.ts';
import { markedModels } from '../../services/marks.ts';
import { checksOf, comparisonText, footnotesOf, planFinished, resultText, writePlan } from '../plans.ts';
import { chooseModels, chooseRun } from '../model-choice.ts';
import { choose, withLibrary, type GlobalOptions } from '../session.ts';
import { collect, numberOption } from '../settings-flags.ts';

interface CompareFlags {
  readonly plan?: string;
  readonly dataset?: string;
  readonly attack?: readonly string[];
  readonly eps?: number;
  readonly examples?: number;
  readonly seed?: number;
  readonly engine?: string;
  readonly column?: string;
  readonly out?: string;
}

/** Strong attacks of two kinds, with gradients and without, where none are named. */
const DEFAULT_ATTACKS = ['apgd', 'square'];

export function compareCommand(program: Command): void {
  program
    .command('compare [runs...]')
    .description(
      'compare models pair by pair on the same images (exact McNemar test, corrected after Holm): those of a plan, or ' +
        'runs that are attacked now; with --out alone, the numbers that are there as tables and curves',
    )
    .option('--plan <id>', 'a plan of the library whose numbers to compare')
    .option('--dataset <id>', 'attack the runs on this data set now')
    .option('--attack <name...>', 'attacks, with --dataset; default: apgd and square', collect(String))
    .option('--eps <epsilon>', 'radius, with pixels in [0, 1]', numberOption('--eps'))
    .option('--examples <n>', 'the first N of the test split', numberOption('--examples'))
    .option('--seed <seed>', 'seed of the attacks', numberOption('--seed'))
    .option('--engine <engine>', 'auto, tensorflow, webgpu or wasm')
    .option('--column <label>', 'one attack by its label, or “clean”; default: the worst case over all')
    .option('--out <dir>', 'write the tables as CSV and LaTeX')
    .action(async (runs: readonly string[], flags: CompareFlags, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'own', async ({ library, output }) => {
        if (flags.plan === undefined && flags.dataset === undefined && flags.out !== undefined) {
          const written = await writeKnown(library, runs, flags.out);
          output.result(written, written.files.join('\n'));
          return;
        }
        const id =
          flags.plan === undefined
            ? (await library.plans.create(await asked(library, runs, flags))).id
            : choose(library.plans.list(), flags.plan, '--plan', ({ name }) => name).id;
        if (flags.plan === undefined) await planFinished(library, id);
        const result = await library.plans.result(id);
        const column = result.columns.find(({ label }) => label === flags.column)?.key ?? flags.column ?? null;
        const comparison = await library.plans.compare(id, column);
        const wanted = await chooseModels(library, runs, 'run');
        const pairs = comparison.pairs.filter(
          ({ first, second }) =>
            flags.plan === undefined || wanted.length === 0 || [first, second].every((one) => wanted.includes(one)),
        );
        if (flags.out !== undefined) await writePlan(library, result, flags.out);
        const modelOf = markedModels(library, library.plans.get(id).request.dataset);
        const { clean, worst } = result;
        output.result(
          { plan: id, label: comparison.label, pairs, clean, worst, checks: checksOf(result, modelOf) },
          [
            resultText(result, modelOf),
            comparisonText({ ...comparison, pairs }, modelOf, (model) => weaknessBehind(result, column, [model])),
            footnotesOf(result, modelOf),
          ].join('\n\n'),
        );
      });
    });
}

async function asked(library: Library, runs: readonly string[], flags: CompareFlags) {
  if (runs.length < 2 || flags.dataset === undefined) {
    throw new AppError(
      'invalid-input',
      'Name two or more runs and --dataset to attack them, a plan with --plan, or runs and --out for the numbers there are.',
    );
  }
  return parseSettings(
    planRequest,
    {
      dataset: choose(library.datasets.list(), flags.dataset, '--dataset', ({ manifest }) => manifest.name).id,
      models: await chooseModels(library, runs, 'run'),
      attacks: (flags.attack ?? DEFAULT_ATTACKS).map((name) => ({ name })),
      epsilons: flags.eps === undefined ? [] : [flags.eps],
      examples: flags.examples === undefined ? {} : { count: flags.examples },
      ...(flags.seed !== undefined && { seeds: [flags.seed] }),
      ...(flags.engine !== undefined && { engine: flags.engine }),
    },
    'compare',
  );
}

/** The result table of models and the accuracy curves of their runs, from what the library has already. */
async function writeKnown(
  library: Library,
  texts: readonly string[],
  out: string,
): Promise<{
  readonly runs: readonly string[];
  readonly models: readonly string[];
  readonly files: readonly string[];
}> {
  const { exportCurve, exportTable } = await import('../../services/figures/exports.ts');
  const runs = texts.map((text) => chooseRun(library, text, 'run'));
  const [dataset, ...others] = new Set(runs.map((run) => run.config.dataset));
  if (dataset === undefined || others.length > 0) {
    throw new AppError('invalid-input', 'compare: name runs of one data set.');
  }
  const models = await chooseModels(library, texts, 'run');
  const ids = [...new Set(runs.map(({ id }) => id))];
  const exported = await Promise.all([
    ...(['csv', 'latex'] as const).map((format) => exportTable(library, dataset, format, models)),
    ...(['svg', 'pdf', 'png'] as const).map((format) => exportCurve(library, ids, 'accuracy', format)),
  ]);
  const files: string[] = [];
  for (const { name, bytes } of exported) {
    const file = join(out, name);
    await writeExport(file, bytes);
    files.push(file);
  }
  return { runs: ids, models, files };
}
