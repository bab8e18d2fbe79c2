import type { Command } from 'commander';
import { AppError } from '../../../shared/domain/errors.ts';
import { planRequest } from '../../../shared/domain/plan.ts';
import { parseSettings } from '../../../shared/domain/settings.ts';
import type { Library } from '../../services/library.ts';
import { comparisonText, namesOf, planFinished, resultText, writePlan } from '../plans.ts';
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
    .description('compare models pair by pair on the same images: exact McNemar test, corrected after Holm')
    .option('--plan <id>', 'a plan of the library whose numbers to compare; else the runs are attacked now')
    .option('--dataset <id>', 'data set, without --plan')
    .option('--attack <name...>', 'attacks, without --plan; default: apgd and square', collect(String))
    .option('--eps <epsilon>', 'radius, with pixels in [0, 1]', numberOption('--eps'))
    .option('--examples <n>', 'the first N of the test split', numberOption('--examples'))
    .option('--seed <seed>', 'seed of the attacks', numberOption('--seed'))
    .option('--engine <engine>', 'auto, tensorflow, webgpu or wasm')
    .option('--column <label>', 'one attack by its label, or “clean”; default: the worst case over all')
    .option('--out <dir>', 'write the tables as CSV and LaTeX')
    .action(async (runs: readonly string[], flags: CompareFlags, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'own', async ({ library, output }) => {
        const id =
          flags.plan === undefined
            ? (await library.plans.create(asked(library, runs, flags))).id
            : choose(library.plans.list(), flags.plan, '--plan', ({ name }) => name).id;
        if (flags.plan === undefined) await planFinished(library, id);
        const result = await library.plans.result(id);
        const column = result.columns.find(({ label }) => label === flags.column)?.key ?? flags.column ?? null;
        const comparison = await library.plans.compare(id, column);
        const wanted = runs.map((text) => choose(library.models.list(), text, 'run', ({ name }) => name).id);
        const pairs = comparison.pairs.filter(
          ({ first, second }) =>
            flags.plan === undefined || wanted.length === 0 || [first, second].every((one) => wanted.includes(one)),
        );
        if (flags.out !== undefined) await writePlan(library, result, flags.out);
        const names = namesOf(library);
        output.result(
          { plan: id, label: comparison.label, pairs, clean: result.clean, worst: result.worst },
          `${resultText(result, names)}\n\n${comparisonText({ ...comparison, pairs }, names)}`,
        );
      });
    });
}

function asked(library: Library, runs: readonly string[], flags: CompareFlags) {
  if (runs.length < 2 || flags.dataset === undefined) {
    throw new AppError('invalid-input', 'Name two or more runs and --dataset, or a plan with --plan.');
  }
  return parseSettings(
    planRequest,
    {
      dataset: choose(library.datasets.list(), flags.dataset, '--dataset', ({ manifest }) => manifest.name).id,
      models: runs.map((text) => choose(library.models.list(), text, 'run', ({ name }) => name).id),
      attacks: (flags.attack ?? DEFAULT_ATTACKS).map((name) => ({ name })),
      epsilons: flags.eps === undefined ? [] : [flags.eps],
      examples: flags.examples === undefined ? {} : { count: flags.examples },
      ...(flags.seed !== undefined && { seeds: [flags.seed] }),
      ...(flags.engine !== undefined && { engine: flags.engine }),
    },
    'compare',
  );
}
