import type { Command } from 'commander';
import { settingValues } from '../../../shared/domain/settings.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { speedSummary, STEP_PARTS, type SpeedSummary } from '../../../shared/domain/speed.ts';
import { trainConfig, trainerSettings } from '../../../shared/domain/training.ts';
import { parseSettings } from '../../../shared/domain/settings.ts';
import { percent } from '../output.ts';
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
}

const TRAINER_KEYS = new Set(Object.keys(trainerSettings.shape));

export function trainCommand(program: Command): void {
  program
    .command('train')
    .description('train one model')
    .requiredOption('--dataset <id>', 'data set')
    .requiredOption('--model <architecture>', 'architecture: small-cnn, mnist-cnn or lenet')
    .requiredOption('--defence <name>', 'natural, at, m-pgd, alp, at-alp, clp or lsq')
    .option('--name <name>', 'name of the run')
    .option('--config <file>', 'YAML file with settings of the trainer and the defence; flags come after it')
    .option('--epochs <n>', 'epochs', numberOption('--epochs'))
    .option('--seed <seed>', 'seed of initial weights, data order and random starts', numberOption('--seed'))
    .option('--engine <engine>', 'auto, tensorflow, webgpu or wasm')
    .option('--deterministic', 'the same seed gives the same weights to the last bit; one thread on tensorflow')
    .option('--set <key=value...>', 'any setting of the trainer or the defence', collect(String))
    .action(async (flags: TrainFlags, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'own', async ({ library, output }) => {
        const dataset = choose(library.datasets.list(), flags.dataset, '--dataset', ({ manifest }) => manifest.name);
        const { trainer, defence } = await settingsOf(flags);
        const config = parseSettings(
          trainConfig,
          {
            ...(flags.name !== undefined && { name: flags.name }),
            dataset: dataset.id,
            architecture: flags.model,
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
        await finished(library, id);
        const run = library.runs.get(id);
        const { result } = run;
        if (!result) throw new AppError('internal', `The run ${id} ended without a result.`);
        const { epochs, steps, seconds, cleanAccuracy, adversarialAccuracy } = result;
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
            speed,
            checkpoint: library.models.file(id).weights,
          },
          `${run.name} (${id}): ${steps} steps in ${seconds.toFixed(1)} s; validation accuracy ${percent(cleanAccuracy)} clean, ${percent(adversarialAccuracy)} adversarial`,
        );
      });
    });
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

/** Settings from the file, then the flags; each key goes to the trainer or to the defence, whichever has it. */
async function settingsOf(flags: TrainFlags): Promise<{
  readonly trainer: Record<string, unknown>;
  readonly defence: Record<string, unknown>;
}> {
  const file = flags.config === undefined ? {} : await readYaml(flags.config);
  const all: Record<string, unknown> = {
    ...file,
    ...parsePairs(flags.set ?? []),
    ...(flags.epochs !== undefined && { epochs: flags.epochs }),
  };
  const entries = Object.entries(all);
  return {
    trainer: Object.fromEntries(entries.filter(([key]) => TRAINER_KEYS.has(key))),
    defence: parseSettings(
      settingValues,
      Object.fromEntries(entries.filter(([key]) => !TRAINER_KEYS.has(key))),
      flags.config ?? 'train',
    ),
  };
}
