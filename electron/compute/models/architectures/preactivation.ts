import { z } from 'zod';
import type { Stride } from '../../engines/kernels/names.ts';
import { atWidth, defineArchitecture, refuseSetting, widthMultiplier, type Architecture } from './architecture.ts';
import type { LayerPlan, Plan, StagePlan } from './plan.ts';
import { BOTTLENECK, RESNET_CHANNELS, stem, stemStage } from './resnet.ts';
import { convolution, normalised, stages, type Block } from './residual.ts';

interface BlockOptions {
  readonly name: string;
  readonly from: string;
  readonly filters: number;
  readonly stride: Stride;
  /** Whether channels or extents change: the shortcut is a 1×1 convolution of the normalised input then. */
  readonly changes: boolean;
}

/** BN, ReLU, convolution, twice (He et al. 2016, arXiv 1603.05027, figure 4 e). */
function basic({ name, from, filters, stride, changes }: BlockOptions): Block {
  return preactivated({ name, from, filters, stride, changes }, [
    ...normalised(`${name}_conv1`, `${name}_bn2`, { filters, size: 3, stride }),
    convolution(`${name}_conv2`, { filters, size: 3 }),
  ]);
}

/** The same with 1×1, 3×3 and 1×1 convolutions. */
function bottleneck({ name, from, filters, stride, changes }: BlockOptions): Block {
  return preactivated({ name, from, filters: filters * BOTTLENECK, stride, changes }, [
    ...normalised(`${name}_conv1`, `${name}_bn2`, { filters, size: 1 }),
    ...normalised(`${name}_conv2`, `${name}_bn3`, { filters, size: 3, stride }),
    convolution(`${name}_conv3`, { filters: filters * BOTTLENECK, size: 1 }),
  ]);
}

function preactivated(options: BlockOptions, branch: readonly LayerPlan[]): Block {
  const { name, from, filters, stride, changes } = options;
  const before: LayerPlan = { kind: 'norm', name: `${name}_bn1`, relu: true, from };
  const end = branch.at(-1)?.name ?? '';
  if (!changes) return { layers: [before, ...branch], sum: [end, from] };
  const shortcut = convolution(`${name}_downsample`, { filters, size: 1, stride, from: before.name });
  return { layers: [before, ...branch, shortcut], sum: [end, shortcut.name] };
}

/** First layers, stages, and the normalisation and ReLU that the last sum still lacks. */
function plan(first: StagePlan, blocks: readonly StagePlan[]): Plan {
  return {
    stages: [first, ...blocks],
    head: [
      { kind: 'norm', name: 'bn', relu: true },
      { kind: 'average', name: 'average' },
    ],
    output: 'fc',
  };
}

const lastOf = ({ layers }: StagePlan): string => layers.at(-1)?.name ?? '';

const IDENTITY_MAPPINGS = 'He et al. 2016, Identity Mappings in Deep Residual Networks, arXiv 1603.05027';

const resnet50v2 = defineArchitecture({
  name: 'resnet50-v2',
  label: 'ResNet-50 v2',
  summary: 'Residual network of 50 layers with normalisation and ReLU before the convolutions (“v2”).',
  source: `${IDENTITY_MAPPINGS}, figure 1 b; stride in the 3×3 convolutions`,
  settings: { width: widthMultiplier, stem },
  plan: ({ width, stem: kind }) => {
    const channels = RESNET_CHANNELS.map((each) => atWidth(each, width));
    const first = stemStage(kind, channels[0] ?? 0, 'conv1');
    const block = (name: string, from: string, stage: number, begins: boolean): Block =>
      bottleneck({
        name,
        from,
        filters: channels[stage] ?? 0,
        stride: begins && stage > 0 ? 2 : 1,
        changes: begins,
      });
    return plan(first, stages(lastOf(first), [3, 4, 6, 3], false, block));
  },
});

const preactResnet18 = defineArchitecture({
  name: 'preact-resnet18',
  label: 'PreAct ResNet-18',
  summary:
    'ResNet-18 with normalisation and ReLU before the convolutions, for small images: usual in adversarial training.',
  source: `${IDENTITY_MAPPINGS}, figure 4 e; first layer and normalisation at the end as Rice et al. 2020, arXiv 2002.11569`,
  settings: {
    width: widthMultiplier,
    stem: stem
      .unwrap()
      .default('small')
      .meta(stem.meta() ?? {}),
  },
  plan: ({ width, stem: kind }) => {
    const channels = RESNET_CHANNELS.map((each) => atWidth(each, width));
    const first = stemStage(kind, channels[0] ?? 0, 'conv1');
    const block = (name: string, from: string, stage: number, begins: boolean): Block => {
      const changes = begins && stage > 0;
      return basic({ name, from, filters: channels[stage] ?? 0, stride: changes ? 2 : 1, changes });
    };
    return plan(first, stages(lastOf(first), [2, 2, 2, 2], false, block));
  },
});

const wideResnet = defineArchitecture({
  name: 'wide-resnet',
  label: 'Wide ResNet',
  summary:
    'WRN-28-10 and its like: residual networks of 16k, 32k and 64k channels for small images, of any depth and width.',
  source: 'Zagoruyko & Komodakis 2016, arXiv 1605.07146, table 1, without dropout',
  settings: {
    depth: z.int().min(10).max(148).default(28).meta({ label: 'Depth', help: 'Layers with weights: 6n + 4.' }),
    width: z
      .number()
      .min(0.25)
      .max(32)
      .default(10)
      .meta({ label: 'Width k', unit: '×', help: 'Channels as a multiple of 16, 32 and 64.' }),
  },
  plan: ({ depth, width }) => {
    const blocks = (depth - 4) / 6;
    if (!Number.isInteger(blocks)) {
      const near = 6 * Math.round(blocks) + 4;
      refuseSetting('depth', `a wide ResNet has 6n + 4 layers, so not ${depth}; the nearest is ${near}.`);
    }
    const channels = [16, 32, 64].map((each) => atWidth(each, width));
    const first: StagePlan = { name: 'stem', layers: [convolution('conv1', { filters: 16, size: 3 })] };
    const block = (name: string, from: string, stage: number, begins: boolean): Block => {
      const filters = channels[stage] ?? 0;
      const changes = begins && (stage > 0 || filters !== 16);
      return basic({ name, from, filters, stride: begins && stage > 0 ? 2 : 1, changes });
    };
    return plan(first, stages('conv1', [blocks, blocks, blocks], false, block));
  },
});

/** Residual networks with normalisation and ReLU before each convolution. */
export const PREACTIVATION_RESNETS: readonly Architecture[] = [resnet50v2, preactResnet18, wideResnet];
