import { join } from 'node:path';
import type { Command } from 'commander';
import { AppError } from '../../../shared/domain/errors.ts';
import { galleryRequest, MAP_METHODS, mapMethod } from '../../../shared/domain/gallery.ts';
import { parseSettings, settingValues } from '../../../shared/domain/settings.ts';
import { exportGallery } from '../../services/figures/exports.ts';
import { footnotes, markedModels, markedName } from '../../services/marks.ts';
import { textTable } from '../output.ts';
import { checksOf } from '../plans.ts';
import { firstTestImages } from '../../services/test-images.ts';
import { writeExport } from '../../services/write-export.ts';
import { chooseModel } from '../model-choice.ts';
import { choose, finished, withLibrary, type GlobalOptions } from '../session.ts';
import { collect, listOption, numberOption, parsePairs } from '../settings-flags.ts';

interface AttentionFlags {
  readonly model: readonly string[];
  readonly dataset: string;
  readonly examples?: readonly number[];
  readonly layer?: string;
  readonly method?: readonly string[];
  readonly reference?: string;
  readonly attack: string;
  readonly eps?: number;
  readonly steps?: number;
  readonly seed?: number;
  readonly engine?: string;
  readonly set?: readonly string[];
  readonly out: string;
}

const FIRST_IMAGES = 8;

export function attentionCommand(program: Command): void {
  program
    .command('attention')
    .description('where models look on clean images and under attack: maps, key-area measures, figures')
    .requiredOption('--model <run>', 'model; give it once for each column', collect(String))
    .requiredOption('--dataset <id>', 'data set')
    .requiredOption('--out <dir>', 'folder for the figures')
    .option(
      '--examples <i,j,…>',
      'positions in the data set; default: the first 8 test images',
      listOption('--examples'),
    )
    .option('--layer <name>', 'a layer that every model has, or last')
    .option('--method <method>', `${MAP_METHODS.join(', ')}; give it once for each`, collect(String))
    .option('--reference <run>', 'model whose clean map defines the key area for all')
    .option('--attack <name>', 'an attack that transfers; “pairlight attacks” lists them', 'pgd')
    .option('--eps <epsilon>', 'radius of the attack', numberOption('--eps'))
    .option('--steps <n>', 'iterations of the attack', numberOption('--steps'))
    .option('--seed <seed>', 'seed', numberOption('--seed'))
    .option('--engine <engine>', 'auto, tensorflow, webgpu or wasm')
    .option('--set <key=value...>', 'any other setting of the attack', collect(String))
    .action(async (flags: AttentionFlags, command: Command) => {
      await withLibrary(command.optsWithGlobals<GlobalOptions>(), 'own', async ({ library, output }) => {
        const models = library.models.list();
        const dataset = choose(library.datasets.list(), flags.dataset, '--dataset', ({ manifest }) => manifest.name);
        const settings = parseSettings(
          settingValues,
          {
            ...parsePairs(flags.set ?? []),
            ...(flags.eps !== undefined && { epsilon: flags.eps }),
            ...(flags.steps !== undefined && { steps: flags.steps }),
          },
          'attention',
        );
        const chosen: string[] = [];
        for (const text of flags.model) chosen.push((await chooseModel(library, text, '--model')).id);
        const request = parseSettings(
          galleryRequest,
          {
            dataset: dataset.id,
            models: chosen,
            indices: flags.examples ?? (await firstTestImages(library, dataset.id, FIRST_IMAGES)),
            ...(flags.method !== undefined && {
              methods: flags.method.map((name) => parseSettings(mapMethod, name, '--method')),
            }),
            ...(flags.layer !== undefined && { layer: flags.layer }),
            ...(flags.reference !== undefined && {
              reference: choose(models, flags.reference, '--reference', ({ name }) => name).id,
            }),
            attack: { name: flags.attack, settings },
            ...(flags.seed !== undefined && { seed: flags.seed }),
            ...(flags.engine !== undefined && { engine: flags.engine }),
          },
          'attention',
        );
        const { id } = await library.galleries.create(request);
        await finished(library, id);
        const { result } = library.galleries.get(id);
        if (!result) throw new AppError('internal', `The gallery ${id} ended without a result.`);
        const files: string[] = [];
        for (const method of request.methods) {
          for (const format of ['png', 'pdf'] as const) {
            const { name, bytes } = await exportGallery(library, id, method, 'row', format);
            const file = join(flags.out, name);
            await writeExport(file, bytes);
            files.push(file);
          }
        }
        const modelOf = markedModels(library, dataset.id);
        const table = textTable(
          ['model', 'method', 'x′ / x in the key area', 'x′ / noise', 'IoU'],
          result.measures.map((measure) => [
            markedName(modelOf(measure.model)),
            measure.method,
            measure.ratioToClean?.mean.toFixed(3) ?? '–',
            measure.ratioToNoise?.mean.toFixed(3) ?? '–',
            measure.iou.mean.toFixed(3),
          ]),
        );
        output.result(
          {
            gallery: id,
            measures: result.measures,
            layer: result.layer,
            files,
            checks: checksOf(request, modelOf),
          },
          [table, ...footnotes(request.models.map(modelOf)), ...files].join('\n'),
        );
      });
    });
}
