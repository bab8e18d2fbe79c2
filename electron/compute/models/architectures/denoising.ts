import { AppError } from '../../../../shared/domain/errors.ts';
import { embeddingChannels, isEmbedded, type DenoiseMethod } from '../denoise.ts';
import type { LayerPlan, Plan, StagePlan } from './plan.ts';

/** Of the embeddings' fresh weights, as in the authors' code. */
const EMBEDDING_DEVIATION = 0.01;

/**
 * The plan with a denoising block behind each of the chosen stages (Xie et al. 2019, arXiv 1812.03411, section 4 and figure
 * 4): x + BN(conv1×1(filter(x))), γ of the normalisation 0 at first as in the authors' code. What came after the stage, and
 * its tap, take the block's output.
 * @throws AppError `invalid-input` for a stage that there is none of.
 */
export function denoised(architecture: string, plan: Plan, chosen: readonly string[], method: DenoiseMethod): Plan {
  const unknown = chosen.find((name) => !plan.stages.some((stage) => stage.name === name));
  if (unknown !== undefined) throw unknownStage(architecture, plan, unknown, 'denoise');
  if (chosen.length === 0) return plan;
  const replaced = new Map<string, string>();
  const width = new Map<string, number>();
  const stages = plan.stages.map(({ name, layers }): StagePlan => {
    const own = layers.map((layer) => redirected(layer, replaced));
    for (const layer of own) width.set(layer.name, channelsOf(layer, width, own));
    const last = own.at(-1);
    if (!chosen.includes(name) || !last) return { name, layers: own };
    const { block, sum } = denoisingBlock(name, last.name, width.get(last.name) ?? 0, method);
    replaced.set(last.name, sum.name);
    width.set(sum.name, width.get(last.name) ?? 0);
    const tap = 'tap' in last ? last.tap : undefined;
    const untapped = own.with(-1, withoutTap(last));
    return { name, layers: [...untapped, ...block, { ...sum, ...(tap !== undefined && { tap }) }] };
  });
  return { ...plan, stages, head: plan.head.map((layer) => redirected(layer, replaced)) };
}

export function unknownStage(architecture: string, plan: Plan, name: string, field: string): AppError {
  const known = plan.stages.map((stage) => stage.name).join(', ');
  return new AppError('invalid-input', `${field}: ${architecture} has no stage “${name}”; it has ${known}.`, {
    details: { field, found: name, expected: known },
  });
}

function denoisingBlock(
  stage: string,
  input: string,
  channels: number,
  method: DenoiseMethod,
): { readonly block: readonly LayerPlan[]; readonly sum: Extract<LayerPlan, { readonly kind: 'add' }> } {
  const name = `${stage}_denoise`;
  const embedding = (part: string): LayerPlan => ({
    kind: 'conv',
    name: `${name}_${part}`,
    from: input,
    filters: embeddingChannels(channels),
    size: 1,
    pad: 'same',
    stride: 1,
    bias: false,
    relu: false,
    deviation: EMBEDDING_DEVIATION,
  });
  const embeddings = isEmbedded(method) ? ([embedding('theta'), embedding('phi')] as const) : null;
  const of = embeddings ? ([input, embeddings[0].name, embeddings[1].name] as const) : ([input] as const);
  return {
    block: [
      ...(embeddings ?? []),
      { kind: 'denoise', name: `${name}_filter`, method, of },
      {
        kind: 'conv',
        name: `${name}_conv`,
        filters: channels,
        size: 1,
        pad: 'same',
        stride: 1,
        bias: false,
        relu: false,
      },
      { kind: 'norm', name: `${name}_bn`, relu: false, still: true },
    ],
    sum: { kind: 'add', name, of: [input, `${name}_bn`], relu: false },
  };
}

/** The layer with inputs of other names. */
function redirected(layer: LayerPlan, replaced: ReadonlyMap<string, string>): LayerPlan {
  const source = (name: string): string => replaced.get(name) ?? name;
  if (layer.kind === 'add') return { ...layer, of: [source(layer.of[0]), source(layer.of[1])] };
  if (layer.kind === 'denoise') return { ...layer, of: layer.of.map(source) as unknown as typeof layer.of };
  return layer.from === undefined ? layer : { ...layer, from: source(layer.from) };
}

function withoutTap(layer: LayerPlan): LayerPlan {
  if (!('tap' in layer)) return layer;
  const { tap: _, ...rest } = layer;
  return rest;
}

/** Channels of a layer's output; 0 where they are those of the images. */
function channelsOf(layer: LayerPlan, known: ReadonlyMap<string, number>, stage: readonly LayerPlan[]): number {
  if (layer.kind === 'conv' || layer.kind === 'shortcut') return layer.filters;
  if (layer.kind === 'add' || layer.kind === 'denoise') return known.get(layer.of[0]) ?? 0;
  const at = stage.indexOf(layer);
  return known.get(layer.from ?? stage[at - 1]?.name ?? [...known.keys()].at(-1) ?? '') ?? 0;
}
