import type { Stride } from '../../engines/kernels/names.ts';
import type { Architecture, LayerPlan } from './plan.ts';
import { basicBlock, normalised, stages, type Block } from './residual.ts';

const FILTERS = [64, 128, 256, 512] as const;
const BOTTLENECK = 4;

/** What all of them begin and end with (He et al. 2016, table 1). */
function resnet(
  name: string,
  label: string,
  summary: string,
  counts: readonly number[],
  block: Parameters<typeof stages>[2],
): Architecture {
  return {
    name,
    label,
    summary,
    plan: [
      ...normalised('conv1', 'bn1', { filters: FILTERS[0], size: 7, stride: 2 }),
      { kind: 'pool', name: 'maxpool', size: 3 },
      ...stages('maxpool', counts, block),
      { kind: 'average', name: 'average' },
    ],
    output: 'fc',
  };
}

/** The block with its shortcut: where extents or channels change, a 1×1 convolution with normalisation (option B). */
function withShortcut(
  layers: readonly LayerPlan[],
  sum: readonly [string, string],
  projection: { readonly name: string; readonly filters: number; readonly stride: Stride } | null,
): Block {
  if (!projection) return { layers, sum };
  const { name, filters, stride } = projection;
  const norm = `${name}_downsample_bn`;
  const options = { filters, size: 1, stride, relu: false, from: sum[1] };
  return { layers: [...layers, ...normalised(`${name}_downsample`, norm, options)], sum: [sum[0], norm] };
}

/** The residual networks for larger images, as torchvision builds them: `layer1_0_conv1` is its `layer1.0.conv1`. */
export const RESNETS: readonly Architecture[] = [
  resnet(
    'resnet18',
    'ResNet-18',
    'Residual network of 18 layers (He et al. 2016), for images of 64 pixels a side and more.',
    [2, 2, 2, 2],
    (name, from, stage, first) => {
      const filters = FILTERS[stage] ?? 0;
      const stride: Stride = first && stage > 0 ? 2 : 1;
      const layers = basicBlock(name, from, filters, stride);
      return withShortcut(layers, [`${name}_bn2`, from], stride === 2 ? { name, filters, stride } : null);
    },
  ),
  resnet(
    'resnet50',
    'ResNet-50',
    'Residual network of 50 layers (He et al. 2016, with the stride in the 3×3 convolutions: “v1.5”).',
    [3, 4, 6, 3],
    (name, from, stage, first) => {
      const filters = FILTERS[stage] ?? 0;
      const stride: Stride = first && stage > 0 ? 2 : 1;
      const layers = [
        ...normalised(`${name}_conv1`, `${name}_bn1`, { filters, size: 1, from }),
        ...normalised(`${name}_conv2`, `${name}_bn2`, { filters, size: 3, stride }),
        ...normalised(`${name}_conv3`, `${name}_bn3`, { filters: filters * BOTTLENECK, size: 1, relu: false }),
      ];
      const projection = first ? { name, filters: filters * BOTTLENECK, stride } : null;
      return withShortcut(layers, [`${name}_bn3`, from], projection);
    },
  ),
];
