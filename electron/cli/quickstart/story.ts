import { checkRequest } from '../../../shared/domain/check.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { EngineChoice } from '../../../shared/domain/engine.ts';
import { evaluationRequest, type AttackSpec, type Threat } from '../../../shared/domain/evaluation.ts';
import { galleryRequest } from '../../../shared/domain/gallery.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { CheckRow, EvaluationRow, GalleryRow, ResultTable, RunRow } from '../../../shared/domain/library.ts';
import { trainConfig } from '../../../shared/domain/training.ts';
import type { Library } from '../../services/library.ts';
import { SAMPLE_NAME } from '../../services/sample.ts';
import { firstTestImages } from '../../services/test-images.ts';
import { finished, type Session } from '../session.ts';

export interface StoryOptions {
  readonly seed: number;
  /** How many test images, from the first, are attacked. */
  readonly examples: number;
  readonly engine: EngineChoice;
  readonly epsilon: number;
}

export interface Story {
  readonly options: StoryOptions;
  readonly dataset: EntityId;
  /** natural, AT, AT+ALP: the models compared. */
  readonly models: readonly RunRow[];
  readonly graySource: RunRow;
  readonly blackSource: RunRow;
  readonly evaluations: readonly EvaluationRow[];
  readonly gallery: GalleryRow;
  /** Quick gradient-masking checks of the models compared, in their order. */
  readonly checks: readonly CheckRow[];
  readonly table: ResultTable;
  readonly seconds: {
    readonly training: number;
    readonly evaluation: number;
    readonly check: number;
    readonly attention: number;
  };
}

const ARCHITECTURE = 'small-cnn';
const OTHER_ARCHITECTURE = 'lenet';
const MEASURED_IMAGES = 64;
const CHECKED_IMAGES = 200;

/**
 * The whole story on the bundled sample: train three defences and two undefended surrogates, attack the three
 * white-, gray- and black-box, and look where they look.
 * @throws AppError of the first job that fails.
 */
export async function runStory({ library, output }: Session, options: StoryOptions): Promise<Story> {
  const dataset = library.datasets.list().find(({ manifest }) => manifest.name === SAMPLE_NAME);
  if (!dataset) throw new AppError('not-found', 'The bundled sample data set is missing from this library.');

  let from = performance.now();
  const lap = (): number => {
    const seconds = (performance.now() - from) / 1000;
    from = performance.now();
    return seconds;
  };

  const train = async (name: string, architecture: string, defence: string, seed: number): Promise<EntityId> =>
    (
      await library.runs.create(
        trainConfig.parse({ name, dataset: dataset.id, architecture, defence, seed, engine: options.engine }),
      )
    ).id;
  output.say('Training natural, PGD-AT and AT+ALP, and two undefended surrogates');
  // The longest first, so that two processes finish together.
  const atAlp = await train('AT+ALP', ARCHITECTURE, 'at-alp', options.seed);
  const at = await train('PGD-AT', ARCHITECTURE, 'at', options.seed);
  const natural = await train('natural', ARCHITECTURE, 'natural', options.seed);
  const gray = await train('surrogate, another seed', ARCHITECTURE, 'natural', options.seed + 1000);
  const black = await train(`surrogate, ${OTHER_ARCHITECTURE}`, OTHER_ARCHITECTURE, 'natural', options.seed + 2000);
  const models = [natural, at, atAlp];
  await Promise.all([...models, gray, black].map((id) => finished(library, id)));
  const training = lap();

  output.say('Attacking: white-box, gray-box, black-box');
  const evaluations = await evaluateAll(library, dataset.id, models, gray, black, options);
  const evaluation = lap();

  output.say('Checking: are the gradients masked?');
  const checks = await checkAll(library, dataset.id, models, [gray, black], options);
  const check = lap();

  output.say('Looking: attention on clean and adversarial images');
  const { id: galleryId } = await library.galleries.create(
    galleryRequest.parse({
      name: 'Where the models look',
      dataset: dataset.id,
      models,
      indices: await firstTestImages(library, dataset.id, MEASURED_IMAGES),
      attack: pgd(options.epsilon, 40, 1),
      reference: gray,
      seed: options.seed,
      engine: options.engine,
    }),
  );
  await finished(library, galleryId);

  return {
    options,
    dataset: dataset.id,
    models: models.map((id) => library.runs.get(id)),
    graySource: library.runs.get(gray),
    blackSource: library.runs.get(black),
    evaluations: evaluations.map((id) => library.evaluations.get(id)),
    gallery: library.galleries.get(galleryId),
    checks: checks.map((id) => library.checks.get(id)),
    table: await library.evaluations.table(dataset.id),
    seconds: { training, evaluation, check, attention: lap() },
  };
}

async function checkAll(
  library: Library,
  dataset: EntityId,
  models: readonly EntityId[],
  sources: readonly EntityId[],
  { epsilon, examples, seed, engine }: StoryOptions,
): Promise<EntityId[]> {
  const ids: EntityId[] = [];
  for (const model of models) {
    const request = checkRequest.parse({
      dataset,
      model,
      sources,
      epsilon,
      depth: 'quick',
      examples: { count: Math.min(CHECKED_IMAGES, examples) },
      seed,
      engine,
    });
    ids.push((await library.checks.create(request)).id);
  }
  await Promise.all(ids.map((id) => finished(library, id)));
  return ids;
}

function pgd(epsilon: number, steps: number, restarts: number): AttackSpec {
  return { name: 'pgd', settings: { epsilon, steps, restarts, randomStart: true } };
}

async function evaluateAll(
  library: Library,
  dataset: EntityId,
  models: readonly EntityId[],
  gray: EntityId,
  black: EntityId,
  { epsilon, examples, seed, engine }: StoryOptions,
): Promise<EntityId[]> {
  const sources: readonly (readonly [Threat, EntityId | null])[] = [
    ['white-box', null],
    ['gray-box', gray],
    ['black-box', black],
  ];
  const strongest = pgd(epsilon, 200, 10);
  const plans = sources.flatMap(([threat, source]) => [
    // White-box, the strongest attack is a job for each model, so that two processes can share the work.
    ...(threat === 'white-box'
      ? models.map((model) => ({ source, attack: strongest, targets: [model] }))
      : [{ source, attack: strongest, targets: models }]),
    { source, attack: pgd(epsilon, 40, 1), targets: models },
    { source, attack: pgd(epsilon, 10, 1), targets: models },
  ]);
  const ids: EntityId[] = [];
  for (const { source, attack, targets } of plans) {
    const request = evaluationRequest.parse({
      dataset,
      targets,
      source,
      attack,
      examples: { count: examples },
      seed,
      engine,
    });
    ids.push((await library.evaluations.create(request)).id);
  }
  await Promise.all(ids.map((id) => finished(library, id)));
  return ids;
}
