import { z } from 'zod';
import type { Stride } from '../../engines/kernels/names.ts';
import { atWidth, defineArchitecture, widthMultiplier, type Architecture } from './architecture.ts';
import type { StagePlan } from './plan.ts';
import { basicBlock, convolution, normalised, stages, type Block } from './residual.ts';

/** Channels of the stages (He et al. 2016, table 1). */
export const RESNET_CHANNELS = [64, 128, 256, 512] as const;
export const BOTTLENECK = 4;

export const stem = z.enum(['large', 'small']).default('large').meta({
  label: 'First layers',
  help: 'Large: 7×7 convolution with stride 2 and pooling, for images of 64 pixels a side and more. Small: one 3×3 convolution, as is usual for CIFAR.',
});

/** The first layers of a residual network; the last one is `maxpool` where they are large, else `last`. */
export function stemStage(kind: z.output<typeof stem>, filters: number, last: 'bn1' | 'conv1'): StagePlan {
  const options = kind === 'large' ? { filters, size: 7, stride: 2 as const } : { filters, size: 3 };
  const first = last === 'bn1' ? normalised('conv1', 'bn1', options) : [convolution('conv1', options)];
  return { name: 'stem', layers: kind === 'large' ? [...first, { kind: 'pool', name: 'maxpool', size: 3 }] : first };
}

/** The block with its shortcut: where extents or channels change, a 1×1 convolution with normalisation (option B). */
function withShortcut(
  layers: Block['layers'],
  sum: Block['sum'],
  projection: { readonly name: string; readonly filters: number; readonly stride: Stride } | null,
): Block {
  if (!projection) return { layers, sum };
  const { name, filters, stride } = projection;
  const norm = `${name}_downsample_bn`;
  const options = { filters, size: 1, stride, relu: false, from: sum[1] };
  return { layers: [...layers, ...normalised(`${name}_downsample`, norm, options)], sum: [sum[0], norm] };
}

const settings = { width: widthMultiplier, stem };

interface ResnetDescription {
  readonly name: string;
  readonly label: string;
  readonly summary: string;
  readonly counts: readonly number[];
  readonly block: (name: string, from: string, filters: number, stride: Stride, first: boolean) => Block;
}

/** What all of them begin and end with (He et al. 2016, table 1). */
function resnet({ counts, block, ...rest }: ResnetDescription): Architecture {
  return defineArchitecture({
    ...rest,
    source: 'He et al. 2016, arXiv 1512.03385, table 1',
    settings,
    plan: ({ width, stem: kind }) => {
      const channels = RESNET_CHANNELS.map((each) => atWidth(each, width));
      const first = stemStage(kind, channels[0] ?? 0, 'bn1');
      return {
        stages: [
          first,
          ...stages(first.layers.at(-1)?.name ?? '', counts, true, (name, from, stage, begins) =>
            block(name, from, channels[stage] ?? 0, begins && stage > 0 ? 2 : 1, begins),
          ),
        ],
        head: [{ kind: 'average', name: 'average' }],
        output: 'fc',
      };
    },
  });
}

/** The residual networks for larger images, as torchvision builds them: `layer1_0_conv1` is its `layer1.0.conv1`. */
export const RESNETS: readonly Architecture[] = [
  resnet({
    name: 'resnet18',
    label: 'ResNet-18',
    summary: 'Residual network of 18 layers (He et al. 2016), for images of 64 pixels a side and more.',
    counts: [2, 2, 2, 2],
    block: (name, from, filters, stride) => {
      const layers = basicBlock(name, from, filters, stride);
      return withShortcut(layers, [`${name}_bn2`, from], stride === 2 ? { name, filters, stride } : null);
    },
  }),
  resnet({
    name: 'resnet50',
    label: 'ResNet-50',
    summary: 'Residual network of 50 layers (He et al. 2016, with the stride in the 3×3 convolutions: “v1.5”).',
    counts: [3, 4, 6, 3],
    block: (name, from, filters, stride, first) => {
      const layers = [
        ...normalised(`${name}_conv1`, `${name}_bn1`, { filters, size: 1, from }),
        ...normalised(`${name}_conv2`, `${name}_bn2`, { filters, size: 3, stride }),
        ...normalised(`${name}_conv3`, `${name}_bn3`, { filters: filters * BOTTLENECK, size: 1, relu: false }),
      ];
      const projection = first ? { name, filters: filters * BOTTLENECK, stride } : null;
      return withShortcut(layers, [`${name}_bn3`, from], projection);
    },
  }),
];
