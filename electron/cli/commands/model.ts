import type { Command } from 'commander';
import { modelReading } from '../../../shared/domain/model.ts';
import { EXPORT_FORMATS, exportModel, type ExportFormat } from '../../services/model-export/export.ts';
import { describeProbe, hintOf, parsedOption, withReadingFlags, type ReadingFlags } from '../reading-flags.ts';
import { chooseModel, WEIGHTS_HELP } from '../model-choice.ts';
import { choose, withLibrary, type GlobalOptions } from '../session.ts';
import { collect, parsePairs } from '../settings-flags.ts';

interface ImportFlags extends ReadingFlags {
  readonly arch?: string;
  readonly set?: readonly string[];
  readonly dataset: string;
  readonly name?: string;
}

interface ExportFlags {
  readonly weights?: string;
  readonly out: string;
  readonly format: readonly ExportFormat[];
  readonly layout: string;
}

/** `model import` and `model export`. */
export function modelCommand(program: Command): void {
  const model = program.command('model').description('take models into the library, or hand them on');
  withReadingFlags(model.command('import <file>'))
    .description('weights (NPZ, safetensors) or a model of another program (ONNX, model.json of tfjs)')
    .requiredOption('--dataset <id>', 'data set whose images and classes the model is for')
    .option('--arch <architecture>', 'architecture of weights; models of other programs need none')
    .option('--set <key=value...>', 'settings of that architecture, such as width=0.5', collect(String))
    .option('--name <name>', 'name of the model')
    .action(async (file: string, flags: ImportFlags, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'none', async ({ library, output }) => {
        const dataset = choose(library.datasets.list(), flags.dataset, '--dataset', ({ manifest }) => manifest.name).id;
        const asked = hintOf(flags);
        const probe = await library.models.probe({ path: file, dataset, reading: asked });
        if (probe) output.say(describeProbe(probe));
        const { arch: architecture, name } = flags;
        const settings = parsePairs(flags.set ?? []);
        const best = probe?.readings[0];
        const imported = await library.models.import({
          path: file,
          architecture,
          settings,
          dataset,
          name,
          reading: asked,
        });
        const { id, parameters } = imported;
        const foreign = imported.foreign ?? null;
        const what = foreign
          ? `${foreign.format}, forward pass alone: attacks on scores and decisions, and from other models`
          : `${imported.architecture}, ${parameters} parameters`;
        output.result(
          {
            id,
            architecture: imported.architecture,
            parameters,
            ...(best && { reading: best.reading, accuracy: best.accuracy, readings: probe?.readings }),
          },
          `${imported.name} (${id}): ${what}`,
        );
      });
    });
  model
    .command('export <run>')
    .description('a model as files for other programs, with a script that checks its numbers in PyTorch')
    .requiredOption('--out <dir>', 'folder for the files')
    .option('--weights <choice>', WEIGHTS_HELP)
    .option('--format <formats>', `some of ${EXPORT_FORMATS.join(', ')}, with commas`, formats, [...EXPORT_FORMATS])
    .option('--layout <layout>', 'axes of the ONNX graph’s input: nchw or nhwc', 'nchw')
    .action(async (text: string, flags: ExportFlags, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'none', async ({ library, output }) => {
        const { id } = await chooseModel(library, text, 'model', flags.weights);
        const layout = parsedOption(modelReading.shape.layout, flags.layout, '--layout');
        const files = await exportModel(library, id, { folder: flags.out, formats: flags.format, layout });
        output.result({ model: id, files }, files.join('\n'));
      });
    });
}

function formats(text: string): ExportFormat[] {
  return text.split(',').map((one) => parsedOption({ options: EXPORT_FORMATS }, one.trim(), '--format'));
}
