import type { Command } from 'commander';
import type { InitialReport, InitialSource } from '../../../shared/domain/architecture.ts';
import { settingValues, type SettingValues } from '../../../shared/domain/settings.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { unknownKey } from '../../../shared/domain/issue-text.ts';
import { speedSummary, STEP_PARTS, type SpeedSummary } from '../../../shared/domain/speed.ts';
import { trainConfig, trainerSettings } from '../../../shared/domain/training.ts';
import { parseSettings } from '../../../shared/domain/settings.ts';
import type { Library } from '../../services/library.ts';
import { percent } from '../output.ts';
import { withResumeHint } from '../resume-hint.ts';
import { choose, finished, withLibrary, type GlobalOptions } from '../session.ts';
import { collect, numberOption, parsePairs, readYaml } from '../settings-flags.ts';

interface TrainFlags {
  readonly dataset: string;
  readonly model: string;
  readonly defence: string;
  readonly name?: string;
  readonly config?: string;
  readonly epochs?: number;
  readonly seed?: number;
  readonly engine?: string;
  readonly deterministic?: boolean;
  readonly set?: readonly string[];
  readonly initial?: string;
  readonly freeze?: readonly string[];
}

const TRAINER_KEYS = new Set(Object.keys(trainerSettings.shape));

export function trainCommand(program: Command): void {
  program
    .command('train')
    .description('train one model')
    .requiredOption('--dataset <id>', 'data set')
    .requiredOption('--model <architecture>', 'architecture; pairlight architectures lists them')
    .requiredOption(
      '--defence <name>',
      'natural, at, m-pgd, alp, attention-pairing, at-alp, trades, mart, fast-at, free-at, ensemble-at, clp, lsq, or one of your modules',
    )
    .option('--name <name>', 'name of the run')
    .option('--config <file>', 'YAML file with settings of the trainer and the defence; flags come after it')
    .option('--epochs <n>', 'epochs', numberOption('--epochs'))
    .option('--seed <seed>', 'seed of initial weights, data order and random starts', numberOption('--seed'))
    .option('--engine <engine>', 'auto, tensorflow, webgpu or wasm')
    .option('--deterministic', 'the same seed gives the same weights to the last bit; one thread on tensorflow')
    .option('--set <key=value...>', 'any setting of the trainer, the architecture or the defence', collect(String))
    .option('--initial <weights>', 'start from these: a model of the library, or NPZ, safetensors, model.json of tfjs')
    .option('--freeze <stages>', 'leave these stages as they are, with commas between them', (text) => text.split(','))
    .action(async (flags: TrainFlags, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'own', async ({ library, output }) => {
        const dataset = choose(library.datasets.list(), flags.dataset, '--dataset', ({ manifest }) => manifest.name);
        const { architectures, defences } = await library.catalogue();
        const own = keysOf(architectures, flags.model) ?? [];
        const { trainer, architecture, defence } = await settingsOf(flags, new Set(own));
        requireKnown(Object.keys(defence), keysOf(defences, flags.defence), [...TRAINER_KEYS, ...own]);
        const config = parseSettings(
          trainConfig,
          {
            ...(flags.name !== undefined && { name: flags.name }),
            dataset: dataset.id,
            architecture: flags.model,
            architectureSettings: architecture,
            ...(flags.initial !== undefined && { initial: initialOf(library, flags.initial) }),
            ...(flags.freeze !== undefined && { freeze: flags.freeze }),
            defence: flags.defence,
            defenceSettings: defence,
            trainer,
            ...(flags.seed !== undefined && { seed: flags.seed }),
            ...(flags.engine !== undefined && { engine: flags.engine }),
            deterministic: flags.deterministic ?? false,
          },
          'train',
        );
        const { id } = await library.runs.create(config);
        output.say(`Run ${id}`);
        const initial = await library.runs.initial(id);
        if (initial) output.say(initialLine(initial));
        await finished(library, id).catch((thrown: unknown) => {
          throw withResumeHint(thrown, id);
        });
        const run = library.runs.get(id);
        const { result } = run;
        if (!result) throw new AppError('internal', `The run ${id} ended without a result.`);
        const { epochs, steps, seconds, cleanAccuracy, adversarialAccuracy, kept, best, stoppedEarly, collapsedAt } =
          result;
        const points = await library.runs.points(id);
        const speed = speedSummary(points.filter((point) => point.type === 'speed'));
        if (speed) output.say(speedLine(speed));
        output.result(
          {
            run: id,
            status: run.state,
            epochs,
            steps,
            seconds,
            metrics: { cleanAccuracy, adversarialAccuracy },
            kept,
            best,
            stoppedEarly,
            collapsedAt,
            speed,
            checkpoint: library.models.file(id).weights,
          },
          `${run.name} (${id}): ${steps} steps in ${seconds.toFixed(1)} s; validation accuracy ${percent(cleanAccuracy)} clean, ${percent(adversarialAccuracy)} adversarial`,
        );
      });
    });
}

/** Keys of the settings of an architecture or a defence; undefined for one that there is not. */
function keysOf(
  entries: readonly { readonly name: string; readonly fields: readonly { readonly key: string }[] }[],
  name: string,
): readonly string[] | undefined {
  return entries.find((entry) => entry.name === name)?.fields.map(({ key }) => key);
}

/**
 * What is no setting of trainer, architecture or defence, with the one that was meant, whichever of them has it.
 * @param known those of the defence; undefined for a defence that there is not, which is told elsewhere
 * @throws AppError `invalid-input`
 */
function requireKnown(keys: readonly string[], known: readonly string[] | undefined, others: readonly string[]): void {
  const unknown = known ? keys.filter((key) => !known.includes(key)) : [];
  if (!known || unknown.length === 0) return;
  const message = unknown.map((key) => unknownKey(key, [...known, ...others])).join('; ');
  throw new AppError('invalid-input', `train: ${message}`, { details: { field: unknown[0] ?? '' } });
}

/** `412 examples/s; a step takes 155 ms: attack 71 %, update 22 %, …; 512 MB of memory at most`, the largest part first. */
function speedLine(speed: SpeedSummary): string {
  const { examplesPerSecond, millisecondsPerStep, time, peakMemory } = speed;
  const all = STEP_PARTS.reduce((sum, part) => sum + time[part], 0);
  const parts = STEP_PARTS.toSorted((a, b) => time[b] - time[a])
    .map((part) => `${part} ${percent(time[part] / all)}`)
    .join(', ');
  return `${Math.round(examplesPerSecond)} examples/s; a step takes ${millisecondsPerStep.toPrecision(3)} ms: ${parts}; ${Math.round(peakMemory / 1e6)} MB of memory at most`;
}

/** A file, or a model of the library by id or name. */
function initialOf(library: Library, text: string): InitialSource {
  if (/\.(npz|safetensors|json)$/i.test(text)) return { from: 'file', path: text };
  return { from: 'model', model: choose(library.models.list(), text, '--initial', ({ name }) => name).id };
}

function initialLine({ source, taken, fresh, unused, newHead }: InitialReport): string {
  const parts = [`${taken.length} arrays taken from ${source}`];
  if (fresh.length > 0)
    parts.push(`${fresh.length} new${newHead ? ', the last layer among them' : ''}: ${fresh.join(', ')}`);
  if (unused.length > 0) parts.push(`${unused.length} of its arrays not used: ${unused.join(', ')}`);
  return parts.join('; ');
}

/** Settings from the file, then the flags; each key goes to the trainer, the architecture or else the defence. */
async function settingsOf(
  flags: TrainFlags,
  architectureKeys: ReadonlySet<string>,
): Promise<{
  readonly trainer: Record<string, unknown>;
  readonly architecture: SettingValues;
  readonly defence: Record<string, unknown>;
}> {
  const file = flags.config === undefined ? {} : await readYaml(flags.config);
  const all: Record<string, unknown> = {
    ...file,
    ...parsePairs(flags.set ?? []),
    ...(flags.epochs !== undefined && { epochs: flags.epochs }),
  };
  const where = flags.config ?? 'train';
  const entries = Object.entries(all).filter(([key]) => !TRAINER_KEYS.has(key));
  const ofArchitecture = entries.filter(([key]) => architectureKeys.has(key));
  const others = entries.filter(([key]) => !architectureKeys.has(key));
  return {
    trainer: Object.fromEntries(Object.entries(all).filter(([key]) => TRAINER_KEYS.has(key))),
    architecture: parseSettings(settingValues, Object.fromEntries(ofArchitecture), where),
    defence: parseSettings(settingValues, Object.fromEntries(others), where),
  };
}
