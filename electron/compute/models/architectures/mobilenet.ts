import { z } from 'zod';
import type { Stride } from '../../engines/kernels/names.ts';
import { defineArchitecture, widthMultiplier, type Architecture } from './architecture.ts';
import type { LayerPlan, StagePlan } from './plan.ts';
import { normalised } from './residual.ts';

/** Expansion, channels, repetitions and stride of each stage (Sandler et al. 2018, table 2). */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const satisfies readonly (readonly [number, number, number, Stride])[];
const FIRST = 32;
const LAST = 1280;
const LIMIT = 6;

/** To a multiple of 8, at least 8, and not below nine tenths: as the authors' code does. */
function divisible(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}

const relu6 = (name: string): LayerPlan => ({ kind: 'cap', name: `${name}_relu6`, limit: LIMIT });

interface InvertedResidual {
  readonly name: string;
  readonly from: string;
  readonly channels: number;
  readonly filters: number;
  readonly expansion: number;
  readonly stride: Stride;
}

/** Widening 1×1, depthwise 3×3 and a linear 1×1 convolution (Sandler et al. 2018, table 1). */
function invertedResidual(options: InvertedResidual, tap: { readonly tap?: string }): readonly LayerPlan[] {
  const { name, from, channels, filters, expansion, stride } = options;
  const wide = channels * expansion;
  const widening = expansion > 1;
  const at = widening ? 1 : 0;
  const [depthwise, norm] = [`${name}_conv_${at}_0`, `${name}_conv_${at}_1`];
  const linear = `${name}_conv_${at + 2}`;
  const adds = stride === 1 && channels === filters;
  return [
    ...(widening
      ? [
          ...normalised(`${name}_conv_0_0`, `${name}_conv_0_1`, { filters: wide, size: 1, from }),
          relu6(`${name}_conv_0`),
        ]
      : []),
    {
      kind: 'depthwise',
      name: depthwise,
      size: 3,
      stride,
      bias: false,
      relu: false,
      ...(widening ? {} : { from }),
    },
    { kind: 'norm', name: norm, relu: true },
    relu6(`${name}_conv_${at}`),
    {
      kind: 'conv',
      name: `${name}_conv_${at + 1}`,
      filters,
      size: 1,
      pad: 'same',
      stride: 1,
      bias: false,
      relu: false,
    },
    { kind: 'norm', name: linear, relu: false, ...(adds ? {} : tap) },
    ...(adds ? [{ kind: 'add', name, of: [linear, from], relu: false, ...tap } as const] : []),
  ];
}

export const MOBILENETS: readonly Architecture[] = [
  defineArchitecture({
    name: 'mobilenet-v2',
    label: 'MobileNet v2',
    summary: 'Inverted residuals with depthwise convolutions and ReLU6: many layers, few operations.',
    source: 'Sandler et al. 2018, arXiv 1801.04381, table 2, without dropout',
    settings: {
      width: widthMultiplier,
      stem: z.enum(['large', 'small']).default('large').meta({
        label: 'Strides',
        help: 'Large: as published, extents fall to a 32nd. Small: the first layer and the second stage keep them, for images of 32 pixels a side.',
      }),
    },
    plan: ({ width, stem }) => {
      const first = divisible(FIRST * width);
      let [place, channels, from] = [1, first, 'features_0_relu6'];
      const stages = STAGES.map(([expansion, base, repetitions, firstStride], stage): StagePlan => {
        const name = `block${stage + 1}`;
        const filters = divisible(base * width);
        const stride = stem === 'small' && stage === 1 ? 1 : firstStride;
        const layers = Array.from({ length: repetitions }, (_, index) => {
          const tap = index === repetitions - 1 ? { tap: name } : {};
          const block = { from, channels, filters, expansion, stride: index === 0 ? stride : (1 as const) };
          const own = invertedResidual({ name: `features_${place}`, ...block }, tap);
          from = own.at(-1)?.name ?? '';
          channels = filters;
          place += 1;
          return own;
        });
        return { name, layers: layers.flat() };
      });
      const begin = { filters: first, size: 3, stride: stem === 'large' ? 2 : 1 } as const;
      return {
        stages: [
          { name: 'stem', layers: [...normalised('features_0_0', 'features_0_1', begin), relu6('features_0')] },
          ...stages,
        ],
        head: [
          ...normalised('features_18_0', 'features_18_1', { filters: divisible(LAST * Math.max(1, width)), size: 1 }),
          relu6('features_18'),
          { kind: 'average', name: 'average' },
        ],
        output: 'classifier_1',
      };
    },
  }),
];
