import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { AppError } from '../../../shared/domain/errors.ts';
import { evaluationRequest } from '../../../shared/domain/evaluation.ts';
import { parseSettings, type SettingValue } from '../../../shared/domain/settings.ts';
import { adversarialNpz } from '../../services/adversarial-npz.ts';
import type { Library } from '../../services/library.ts';
import { writeExport } from '../../services/write-export.ts';
import { percent } from '../output.ts';
import { choose, finished, withLibrary, type GlobalOptions } from '../session.ts';
import { collect, numberOption, parsePairs } from '../settings-flags.ts';

interface EvaluateFlags {
  readonly model: string;
  readonly arch?: string;
  readonly dataset: string;
  readonly attack: string;
  readonly norm: string;
  readonly eps?: number;
  readonly steps?: number;
  readonly queries?: number;
  readonly stepSize?: number;
  readonly restarts?: number;
  readonly randomStart?: boolean;
  readonly from?: string;
  readonly examples?: number;
  readonly sample?: boolean;
  readonly includeMisclassified?: boolean;
  readonly seed?: number;
  readonly batchSize?: number;
  readonly engine?: string;
  readonly set?: readonly string[];
  readonly saveAdversarial?: string;
}

export function evaluateCommand(program: Command): void {
  program
    .command('evaluate')
    .description('attack one model and count what it still classifies correctly')
    .requiredOption('--model <run|file>', 'run or model of the library, or an NPZ file of weights with --arch')
    .requiredOption('--dataset <id>', 'data set')
    .option('--arch <architecture>', 'architecture of the weights file')
    .option('--attack <name>', 'pgd, apgd, square, bim, fgsm or noise', 'pgd')
    .option('--norm <norm>', 'norm of the ball', 'linf')
    .option('--eps <epsilon>', 'radius in [0, 1] pixels', numberOption('--eps'))
    .option('--steps <n>', 'iterations', numberOption('--steps'))
    .option('--queries <n>', 'forward passes of the square attack', numberOption('--queries'))
    .option('--step-size <size>', 'default: 2.5 × epsilon / steps', numberOption('--step-size'))
    .option('--restarts <n>', 'random starts', numberOption('--restarts'))
    .option('--random-start', 'start at a random point of the ball')
    .option('--no-random-start', 'start at the clean image')
    .option('--from <run>', 'gray- or black-box: make the adversarial examples on this model')
    .option('--examples <n>', 'the first N of the test split', numberOption('--examples'))
    .option('--sample', 'a seeded sample of N instead of the first N')
    .option('--include-misclassified', 'attack misclassified examples too, as the Python peers do')
    .option('--seed <seed>', 'seed of the random starts', numberOption('--seed'))
    .option('--batch-size <n>', 'examples at once', numberOption('--batch-size'))
    .option('--engine <engine>', 'auto, tensorflow, webgpu or wasm')
    .option('--set <key=value...>', 'any other setting of the attack', collect(String))
    .option('--save-adversarial <file>', 'write the adversarial examples and logits as NPZ')
    .action(async (flags: EvaluateFlags, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'own', async ({ library, output }) => {
        const dataset = choose(library.datasets.list(), flags.dataset, '--dataset', ({ manifest }) => manifest.name);
        const target = await targetModel(library, flags, dataset.id);
        const source =
          flags.from === undefined ? null : choose(library.models.list(), flags.from, '--from', ({ name }) => name).id;
        const request = parseSettings(
          evaluationRequest,
          {
            dataset: dataset.id,
            targets: [target],
            source,
            attack: { name: flags.attack, settings: attackSettings(flags, command) },
            examples: {
              ...(flags.examples !== undefined && { count: flags.examples }),
              sample: flags.sample ?? false,
              ...(flags.seed !== undefined && { seed: flags.seed }),
            },
            includeMisclassified: flags.includeMisclassified ?? false,
            ...(flags.seed !== undefined && { seed: flags.seed }),
            ...(flags.batchSize !== undefined && { batchSize: flags.batchSize }),
            ...(flags.engine !== undefined && { engine: flags.engine }),
          },
          'evaluate',
        );
        const { id } = await library.evaluations.create(request);
        await finished(library, id);
        const { result } = library.evaluations.get(id);
        const outcome = result?.targets[0];
        if (!result || !outcome) throw new AppError('internal', `The evaluation ${id} ended without a result.`);
        if (flags.saveAdversarial !== undefined) {
          await writeExport(flags.saveAdversarial, await adversarialNpz(library, id, target));
          output.say(`Adversarial examples: ${flags.saveAdversarial}`);
        }
        const model = library.models.get(target);
        const notes = result.notes.map((note) => `note: ${note}`);
        output.result(
          {
            model: target,
            source,
            dataset: dataset.id,
            indices: result.indices,
            attack: request.attack.name,
            settings: result.settings,
            engine: result.engine,
            seconds: result.seconds,
            speed: result.speed,
            cleanAccuracy: outcome.cleanAccuracy,
            robustAccuracy: outcome.robustAccuracy,
            interval: outcome.robustInterval,
            perturbation: outcome.perturbation,
            nonFinite: outcome.nonFiniteGradients,
            check: 'not run',
            evaluation: id,
          },
          [
            `${model.name}: ${percent(outcome.cleanAccuracy)} clean, ${percent(outcome.robustAccuracy)} robust [${percent(outcome.robustInterval[0])}, ${percent(outcome.robustInterval[1])}] (${outcome.threat}, ${outcome.examples} examples, ${result.seconds.toFixed(1)} s)`,
            ...notes,
          ].join('\n'),
        );
      });
    });
}

async function targetModel(library: Library, flags: EvaluateFlags, dataset: string): Promise<string> {
  if (!flags.model.endsWith('.npz')) {
    return choose(library.models.list(), flags.model, '--model', ({ name }) => name).id;
  }
  if (flags.arch === undefined) {
    throw new AppError('invalid-input', `--arch is missing: which architecture are the weights in ${flags.model} of?`);
  }
  const bytes = await readFile(flags.model).catch((cause: unknown) => {
    throw new AppError('not-found', `--model: ${flags.model} cannot be read. Check the path.`, { cause });
  });
  for (const model of library.models.list()) {
    if (model.origin !== 'imported' || model.architecture !== flags.arch) continue;
    if (bytes.equals(await readFile(library.models.file(model.id).weights))) return model.id;
  }
  return (await library.models.import({ path: flags.model, architecture: flags.arch, dataset })).id;
}

function attackSettings(flags: EvaluateFlags, command: Command): Record<string, SettingValue> {
  if (flags.norm !== 'linf') throw new AppError('invalid-input', `--norm: ${flags.norm} is not available; use linf.`);
  return {
    ...parsePairs(flags.set ?? []),
    ...(flags.eps !== undefined && { epsilon: flags.eps }),
    ...(flags.steps !== undefined && { steps: flags.steps }),
    ...(flags.queries !== undefined && { queries: flags.queries }),
    ...(flags.stepSize !== undefined && { stepSize: flags.stepSize }),
    ...(flags.restarts !== undefined && { restarts: flags.restarts }),
    ...(command.getOptionValueSource('randomStart') === 'cli' && { randomStart: flags.randomStart ?? true }),
  };
}
