import type { DatasetRow } from '../../../shared/domain/library.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { exampleChoice } from '../../../shared/domain/evaluation.ts';
import { GALLERY_MODELS, galleryRequest } from '../../../shared/domain/gallery.ts';
import type { GalleryRequest, GalleryResult } from '../../../shared/domain/gallery.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import type { SweepRequest } from '../../../shared/domain/sweep.ts';
import { openPacked } from '../../compute/data/packed.ts';
import { choosePositions } from '../../compute/evaluation/choose.ts';
import { parseInput } from '../inputs.ts';
import type { ModuleService } from '../modules/service.ts';
import type { SweepExpansion } from './expand.ts';

/** Images of a sweep that does not say how many. */
const IMAGES = 100;

/**
 * The galleries that measure where models look, 16 of them at most in each; none for a sweep without.
 * @param surrogateOf model of a surrogate by its name.
 * @param indices positions in the data set, see {@link attentionIndices}.
 * @throws AppError `invalid-input` for a reference that is no surrogate, and for what a gallery does not take.
 */
export function galleryRequests(
  { name, dataset, attention, surrogates = {}, engine }: SweepRequest,
  models: readonly EntityId[],
  surrogateOf: (name: string) => EntityId,
  indices: readonly number[],
): GalleryRequest[] {
  if (!attention) return [];
  const { examples: _, attack = 'pgd', epsilon, reference = null, ...others } = attention;
  if (reference !== null && !(reference in surrogates)) {
    throw new AppError(
      'invalid-input',
      `attention.reference: there is no surrogate “${reference}”. Valid: ${['null', ...Object.keys(surrogates)].join(', ')}.`,
      { details: { field: 'attention.reference' } },
    );
  }
  const { settings, ...attackName } = typeof attack === 'string' ? { name: attack, settings: {} } : attack;
  const chunks = Math.ceil(models.length / GALLERY_MODELS);
  return Array.from({ length: chunks }, (_chunk, chunk) =>
    parseInput(
      galleryRequest,
      {
        ...others,
        name: chunks === 1 ? name : `${name} ${chunk + 1}/${chunks}`,
        dataset,
        models: models.slice(chunk * GALLERY_MODELS, (chunk + 1) * GALLERY_MODELS),
        indices,
        attack: { ...attackName, settings: { ...settings, ...(epsilon !== undefined && { epsilon }) } },
        reference: reference === null ? null : surrogateOf(reference),
        ...(engine !== undefined && { engine }),
      },
      'attention',
    ),
  );
}

/**
 * The first images that the evaluation of a sweep chooses: positions in the data set, ascending.
 * @param folder of the data set.
 * @throws AppError `invalid-input` for an empty split.
 */
export async function attentionIndices({ attention, evaluate }: SweepRequest, folder: string): Promise<number[]> {
  const choice = exampleChoice.parse(evaluate?.examples ?? {});
  const count = Math.min(attention?.examples ?? IMAGES, choice.count ?? Infinity);
  const packed = await openPacked(folder);
  try {
    return [...choosePositions(packed, { ...choice, count })];
  } finally {
    packed.close();
  }
}

/**
 * Checks that the attack of a gallery can be used, and that every network has the layer.
 * @param reference name of the surrogate that defines the key area.
 * @throws AppError `invalid-input` that says what is wrong, and where.
 */
export async function checkGallery(
  { attack, layer }: GalleryRequest,
  reference: string | null,
  { groups, surrogates }: SweepExpansion,
  { manifest }: DatasetRow,
  modules: Pick<ModuleService, 'pin'>,
): Promise<void> {
  const [{ resolveAttack }, { requireTransferable }, { buildNetwork }] = await Promise.all([
    import('../../compute/attacks/registry.ts'),
    import('../../compute/attacks/plan.ts'),
    import('../../compute/models/network.ts'),
  ]);
  requireTransferable(resolveAttack(await modules.pin(attack)).plan);
  if (layer === 'last') return;
  const shown = [
    ...groups.flatMap(({ trainings }) => trainings),
    ...surrogates.filter(({ name }) => name === reference),
  ];
  for (const { label, placed } of shown) {
    const { architecture, architectureSettings: settings } = placed;
    const { taps } = buildNetwork(architecture, manifest.shape, manifest.classes.length, false, { settings });
    if (taps.some(({ name }) => name === layer)) continue;
    throw new AppError(
      'invalid-input',
      `attention.layer: ${label} has no layer “${layer}”; it has ${taps.map(({ name }) => name).join(', ')}. Name one that every model has, or last.`,
      { details: { field: 'attention.layer', found: layer } },
    );
  }
}

/** One measure of one model. */
interface AttentionScore {
  readonly model: EntityId;
  /** Of the column. */
  readonly key: string;
  readonly label: string;
  readonly value: number;
}

/** Means over images, by model, method and measure; a ratio to nothing is left out. */
export function attentionScores({ measures }: GalleryResult): AttentionScore[] {
  return measures.flatMap(({ model, method, ratioToClean, ratioToNoise, iou, cosine }) => {
    const all = [
      ['attention in key area, x′ / x', ratioToClean],
      ['attention in key area, x′ / noise', ratioToNoise],
      ['IoU of x and x′', iou],
      ['cosine of x and x′', cosine],
    ] as const;
    return all.flatMap(([what, estimate]) => {
      const label = `${what} (${method})`;
      return estimate ? [{ model, key: `attention ${label}`, label, value: estimate.mean }] : [];
    });
  });
}

/** What the measures of a gallery rest on, in a sentence. */
export async function describeGallery(
  { attack, indices, layer, topPercent }: GalleryRequest,
  reference: string | null,
): Promise<string> {
  const { resolveAttack } = await import('../../compute/attacks/registry.ts');
  const whose = reference === null ? 'each model’s own' : `${reference}’s`;
  return `Attention under white-box ${resolveAttack(attack).label} on ${indices.length} images, layer ${layer}: the key area is the top ${topPercent} % of ${whose} clean map.`;
}
