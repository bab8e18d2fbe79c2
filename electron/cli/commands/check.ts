import type { Command } from 'commander';
import {
  checkRequest,
  followUp,
  type CheckFigure,
  type CheckRequest,
  type Verdict,
} from '../../../shared/domain/check.ts';
import type { AttackSpec } from '../../../shared/domain/evaluation.ts';
import type { CheckRow } from '../../../shared/domain/library.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { parseSettings } from '../../../shared/domain/settings.ts';
import { percent } from '../output.ts';
import { chooseModel, WEIGHTS_HELP } from '../model-choice.ts';
import { choose, finished, withLibrary, type GlobalOptions } from '../session.ts';
import { collect, numberOption } from '../settings-flags.ts';

interface CheckFlags {
  readonly model: string;
  readonly weights?: string;
  readonly dataset?: string;
  readonly source?: readonly string[];
  /** False for `--no-source`. */
  readonly sources: boolean;
  readonly eps?: number;
  readonly examples?: number;
  readonly quick: boolean;
  readonly seed?: number;
  readonly engine?: string;
  readonly show: boolean;
}

export function checkCommand(program: Command): void {
  program
    .command('check')
    .description('the gradient-masking check: can the robustness numbers of a model be trusted?')
    .requiredOption('--model <run>', 'model')
    .option('--weights <choice>', WEIGHTS_HELP)
    .option('--dataset <id>', 'data set; default: the one that the model belongs to')
    .option('--source <run>', 'undefended model for transfer; give it once for each', collect(String))
    .option('--no-sources', 'no transfer at all (default: undefended models of the library)')
    .option('--eps <epsilon>', 'radius in L∞ of [0, 1]', numberOption('--eps'))
    .option('--examples <n>', 'the first N of the test split', numberOption('--examples'))
    .option('--quick', 'a first look: fewer steps, starts and queries; it misses weak masking', false)
    .option('--seed <seed>', 'seed', numberOption('--seed'))
    .option('--engine <engine>', 'auto, tensorflow, webgpu or wasm')
    .option('--show', 'the newest report that there is, without a new check', false)
    .action(async (flags: CheckFlags, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      await withLibrary(options, flags.show ? 'none' : 'own', async ({ library, output }) => {
        const model = await chooseModel(library, flags.model, '--model', flags.weights);
        const dataset =
          flags.dataset === undefined
            ? model.dataset
            : choose(library.datasets.list(), flags.dataset, '--dataset', ({ manifest }) => manifest.name).id;
        if (dataset === null) {
          throw new AppError('invalid-input', `--dataset: ${model.name} belongs to no data set. Name one.`);
        }
        const named: string[] = [];
        for (const text of flags.source ?? []) named.push((await chooseModel(library, text, '--source')).id);
        const sources = flags.sources ? flags.source && named : [];
        const request = parseSettings(
          checkRequest,
          {
            dataset,
            model: model.id,
            depth: flags.quick ? 'quick' : 'full',
            ...(sources !== undefined && { sources }),
            ...(flags.eps !== undefined && { epsilon: flags.eps }),
            ...(flags.examples !== undefined && { examples: { count: flags.examples } }),
            ...(flags.seed !== undefined && { seed: flags.seed }),
            ...(flags.engine !== undefined && { engine: flags.engine }),
          },
          'check',
        );
        if (!flags.show) await finished(library, (await library.checks.create(request)).id);
        const check = library.checks
          .list()
          .findLast(({ request: asked, result }) => asked.model === model.id && asked.dataset === dataset && result);
        if (!check?.result) {
          throw new AppError(
            'not-found',
            `--show: ${model.name} was not checked on this data set. Run the check first.`,
          );
        }
        const { id, request: asked, created, result } = check;
        const lines = Object.fromEntries(
          result.items.flatMap(({ item, attack }) => {
            const line = attack ? followUpLine(asked, attack, options) : null;
            return line === null ? [] : [[item, line]];
          }),
        );
        output.result(
          { check: id, model: model.id, created, request: asked, ...result, next: lines },
          report(model.name, check, lines),
        );
      });
    });
}

/**
 * The command that starts just the evaluation which a part of a check asks for; null where options cannot say it.
 * @param options names the library, if the check was given one.
 */
export function followUpLine(
  request: CheckRequest,
  attack: AttackSpec,
  { library }: Pick<GlobalOptions, 'library'> = {},
): string | null {
  const { dataset, targets, examples, seed, batchSize, engine, deterministic } = followUp(request, attack);
  const { split, count, sample, seed: sampleSeed } = request.examples;
  const said = split === 'test' && count !== null && (!sample || sampleSeed === seed) && !deterministic;
  if (!said || examples === undefined) return null;
  const settings = Object.entries(attack.settings).map(([key, value]) => `--set ${key}=${String(value)}`);
  return [
    'pairlight evaluate',
    `--model ${targets.join(' ')} --dataset ${dataset} --attack ${attack.name}`,
    ...settings,
    `--examples ${count}${sample ? ' --sample' : ''} --seed ${seed} --batch-size ${batchSize} --engine ${engine}`,
    ...(library === undefined ? [] : [`--library ${quoted(library)}`]),
  ].join(' ');
}

function quoted(path: string): string {
  return /^[\w./:\\-]+$/.test(path) ? path : `"${path.replaceAll('"', '\\"')}"`;
}

const WORDS: Readonly<Record<Verdict, string>> = {
  green: 'green',
  amber: 'AMBER',
  red: 'RED',
  unknown: 'unknown',
};

function report(name: string, { result, created }: CheckRow, next: Readonly<Record<string, string>>): string {
  if (!result) return '';
  const { verdict, summary, items, cleanAccuracy, worstAccuracy, worstInterval, examples, seconds } = result;
  const [low, high] = worstInterval;
  const lines = items.flatMap(({ item, title, verdict: own, figures, finding, next: advice }) => [
    `${WORDS[own].padEnd(8)}${title}: ${figures.map(figureText).join('; ') || 'no figure'}`,
    `        ${finding}`,
    ...(advice === null ? [] : [`        Next: ${advice}`]),
    ...(next[item] === undefined ? [] : [`          ${next[item]}`]),
  ]);
  return [
    `${name}: ${WORDS[verdict]}. ${summary}`,
    `${examples} images, ${percent(cleanAccuracy)} right without an attack; all attacks of the check together leave at most ${percent(worstAccuracy)} (${percent(low)} to ${percent(high)}); ${created.slice(0, 10)}, ${seconds.toFixed(0)} s`,
    ...lines,
  ].join('\n');
}

/** `2.5 points (amber above 5, red above 20)` */
function figureText({ label, value, unit, amber, red }: CheckFigure): string {
  const limits = [
    ...(amber === null ? [] : [`amber above ${limitText(amber, unit)}`]),
    ...(red === null ? [] : [`red above ${limitText(red, unit)}`]),
  ];
  return `${label}: ${value === null ? 'unknown' : limitText(value, unit)}${unit === 'points' ? ' points' : ''} (${limits.join(', ')})`;
}

function limitText(value: number, unit: CheckFigure['unit']): string {
  return unit === 'share' ? percent(value) : Number(value.toFixed(2)).toString();
}
