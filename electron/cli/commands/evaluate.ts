import type { Command } from 'commander';
import { AppError } from '../../../shared/domain/errors.ts';
import { checkText } from '../../services/check-text.ts';
import { footnotes, markedAttack, markedLabel, markedModels, markedName } from '../../services/marks.ts';
import { evaluationRequest } from '../../../shared/domain/evaluation.ts';
import { parseSettings, type SettingValue } from '../../../shared/domain/settings.ts';
import { adversarialNpz } from '../../services/adversarial-npz.ts';
import { normSetting } from '../../services/evaluations.ts';
import { writeExport } from '../../services/write-export.ts';
import { percent } from '../output.ts';
import { choose, finished, withLibrary, type GlobalOptions } from '../session.ts';
import { moduleVersion } from '../module-version.ts';
import { evaluatePlan } from '../plans.ts';
import { chooseModel, WEIGHTS_HELP } from '../model-choice.ts';
import { isModelFile, modelOfFile } from '../model-file.ts';
import { withReadingFlags, type ReadingFlags } from '../reading-flags.ts';
import { collect, numberOption, parsePairs } from '../settings-flags.ts';

interface EvaluateFlags extends ReadingFlags {
  readonly plan?: string;
  readonly out?: string;
  readonly model?: string;
  readonly weights?: string;
  readonly arch?: string;
  readonly dataset?: string;
  readonly attack: string;
  readonly module?: string;
  readonly norm?: string;
  readonly goal?: string;
  readonly eps?: number;
  readonly steps?: number;
  readonly queries?: number;
  readonly stepSize?: number;
  readonly restarts?: number;
  readonly maxSeconds?: number;
  readonly maxWork?: number;
  readonly randomStart?: boolean;
  readonly from?: readonly string[];
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
  withReadingFlags(program.command('evaluate'))
    .description('attack one model and count what it still classifies correctly, or carry out a whole plan')
    .option('--plan <file|id>', 'a plan of models × attacks × ε × sources as YAML, or one of the library to go on with')
    .option('--out <dir>', 'with --plan: write its tables, comparisons and curves as CSV and LaTeX')
    .option(
      '--model <run|file>',
      'run or model of the library, or a file: ONNX, model.json of tfjs, or weights (NPZ, safetensors) with --arch',
    )
    .option('--weights <choice>', WEIGHTS_HELP)
    .option('--dataset <id>', 'data set')
    .option('--arch <architecture>', 'architecture of the weights file')
    .option('--attack <name>', 'an attack; “pairlight attacks” lists them', 'pgd')
    .option('--module <hash>', 'with an attack of a module: an earlier version of it that this library has numbers of')
    .option('--norm <norm>', 'linf, l2 or l1, for attacks that have several')
    .option('--goal <goal>', 'untargeted, least-likely, random, next or all')
    .option('--eps <epsilon>', 'radius, with pixels in [0, 1]', numberOption('--eps'))
    .option('--steps <n>', 'iterations', numberOption('--steps'))
    .option('--queries <n>', 'forward passes for each example, for attacks that count them', numberOption('--queries'))
    .option('--step-size <size>', 'default: 2.5 × epsilon / steps', numberOption('--step-size'))
    .option('--restarts <n>', 'random starts', numberOption('--restarts'))
    .option(
      '--max-seconds <s>',
      'stop the attack after this time; its number then says so',
      numberOption('--max-seconds'),
    )
    .option(
      '--max-work <n>',
      'gradients or queries on one example at most, in whole starts',
      numberOption('--max-work'),
    )
    .option('--random-start', 'start at a random point of the ball')
    .option('--no-random-start', 'start at the clean image')
    .option(
      '--from <run...>',
      'gray- or black-box: make the adversarial examples on this model, or on several whose logits are averaged',
      collect(String),
    )
    .option('--examples <n>', 'the first N of the test split', numberOption('--examples'))
    .option('--sample', 'a seeded sample of N instead of the first N')
    .option('--include-misclassified', 'attack misclassified examples too, as the Python peers do')
    .option('--seed <seed>', 'seed of the random starts', numberOption('--seed'))
    .option('--batch-size <n>', 'examples at once', numberOption('--batch-size'))
    .option('--engine <engine>', 'auto, tensorflow, webgpu or wasm')
    .option('--set <key=value...>', 'any other setting of the attack', collect(String))
    .option('--save-adversarial <file>', 'write the adversarial examples and logits as NPZ')
    .action(async (flags: EvaluateFlags, command: Command) => {
      if (flags.plan !== undefined) {
        await evaluatePlan(flags.plan, flags.out, command.optsWithGlobals<GlobalOptions>());
        return;
      }
      const wanted = required(flags);
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'own', async ({ library, output }) => {
        const dataset = choose(library.datasets.list(), wanted.dataset, '--dataset', ({ manifest }) => manifest.name);
        const target = isModelFile(wanted.model)
          ? await modelOfFile(library, wanted.model, dataset.id, flags, output)
          : (await chooseModel(library, wanted.model, '--model', flags.weights)).id;
        const sources: string[] = [];
        for (const text of flags.from ?? []) sources.push((await chooseModel(library, text, '--from')).id);
        const [source = null, ...ensemble] = sources;
        const attack = {
          name: flags.attack,
          ...(flags.module !== undefined && { module: moduleVersion(library, flags.module) }),
        };
        const norm = await normSetting(library.modules, attack, flags.norm);
        const request = parseSettings(
          evaluationRequest,
          {
            dataset: dataset.id,
            targets: [target],
            source,
            ensemble,
            ...(flags.goal !== undefined && { goal: flags.goal }),
            ...((flags.maxSeconds ?? flags.maxWork) !== undefined && {
              limits: { seconds: flags.maxSeconds ?? null, work: flags.maxWork ?? null },
            }),
            attack: { ...attack, settings: { ...attackSettings(flags, command), ...norm } },
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
        const { result, request: kept } = library.evaluations.get(id);
        const outcome = result?.targets[0];
        if (!result || !outcome) throw new AppError('internal', `The evaluation ${id} ended without a result.`);
        if (flags.saveAdversarial !== undefined) {
          await writeExport(flags.saveAdversarial, await adversarialNpz(library, id, target));
          output.say(`Adversarial examples: ${flags.saveAdversarial}`);
        }
        const model = library.models.get(target);
        const marked = await markedAttack(kept.attack);
        const { weak } = marked;
        const { check } = markedModels(library, dataset.id)(model.id);
        const notes = [
          ...result.notes.filter((note) => note !== weak).map((note) => `note: ${note}`),
          ...footnotes([{ name: model.name, check }], [marked]),
        ];
        output.result(
          {
            model: target,
            source,
            ...(ensemble.length > 0 && { ensemble }),
            goal: request.goal,
            dataset: dataset.id,
            indices: result.indices,
            attack: request.attack.name,
            ...(kept.attack.module !== undefined && { module: kept.attack.module }),
            settings: result.settings,
            engine: result.engine,
            seconds: result.seconds,
            speed: result.speed,
            cleanAccuracy: outcome.cleanAccuracy,
            robustAccuracy: outcome.robustAccuracy,
            interval: outcome.robustInterval,
            perturbation: outcome.perturbation,
            accuracy8Bit: outcome.accuracy8Bit ?? null,
            medianDistance: outcome.medianDistance ?? null,
            nonFinite: outcome.nonFiniteGradients,
            weak,
            check: checkText(check),
            evaluation: id,
          },
          [
            `${markedName({ name: model.name, check })}: ${percent(outcome.cleanAccuracy)} clean, ${markedLabel({ label: percent(outcome.robustAccuracy), weak })} robust [${percent(outcome.robustInterval[0])}, ${percent(outcome.robustInterval[1])}] (${outcome.threat}, ${outcome.examples} examples, ${result.seconds.toFixed(1)} s)`,
            ...notes,
          ].join('\n'),
        );
      });
    });
}

/** Without a plan there must be a model and a data set. */
function required({ model, dataset }: EvaluateFlags): { readonly model: string; readonly dataset: string } {
  if (model !== undefined && dataset !== undefined) return { model, dataset };
  const missing = model === undefined ? '--model' : '--dataset';
  throw new AppError('invalid-input', `${missing} is missing: name a model and a data set, or a plan with --plan.`);
}

function attackSettings(flags: EvaluateFlags, command: Command): Record<string, SettingValue> {
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
