import type { Padding } from '../../engines/kernels/names.ts';
import { atWidth, defineArchitecture, widthMultiplier, type Architecture } from './architecture.ts';
import type { LayerPlan, Plan, StagePlan } from './plan.ts';
import { normalised } from './residual.ts';

/** A 5×5 convolution and its pooling. */
function stage(at: number, filters: number, pad: Padding = 'same'): StagePlan {
  const name = `conv${at}`;
  return {
    name,
    layers: [
      { kind: 'conv', name, filters, size: 5, pad, stride: 1, bias: true, relu: true, tap: name },
      { kind: 'pool', name: `pool${at}`, size: 2 },
    ],
  };
}

function dense(name: string, units: number): LayerPlan {
  return { kind: 'dense', name, units };
}

/** Two 5×5 convolutions with pooling and one hidden dense layer (Madry et al. 2018, appendix A: 32, 64, 1024). */
function madry(first: number, second: number, hidden: number) {
  return ({ width }: { readonly width: number }): Plan => ({
    stages: [stage(1, atWidth(first, width)), stage(2, atWidth(second, width))],
    head: [dense('fc1', atWidth(hidden, width))],
    output: 'fc2',
  });
}

const settings = { width: widthMultiplier };

/** A 3×3 convolution with normalisation, and its pooling. */
function normalisedStage(at: number, filters: number): StagePlan {
  const [conv, norm] = [`conv${at}`, `bn${at}`];
  const layers = normalised(conv, norm, { filters, size: 3 }).map((layer) =>
    layer.kind === 'norm' ? { ...layer, tap: conv } : layer,
  );
  return { name: conv, layers: [...layers, { kind: 'pool', name: `pool${at}`, size: 2 }] };
}

/** Convolutions, pooling and dense layers one after the other. */
export const PLAIN_ARCHITECTURES: readonly Architecture[] = [
  defineArchitecture({
    name: 'small-cnn',
    label: 'Small CNN',
    summary: 'Two 5×5 convolutions (8 and 16 channels), dense 64. Trains in seconds: for first looks and tests.',
    source: 'The network of Madry et al. 2018, arXiv 1706.06083, appendix A, made smaller',
    settings,
    plan: madry(8, 16, 64),
  }),
  defineArchitecture({
    name: 'mnist-cnn',
    label: 'MNIST CNN',
    summary: 'Two 5×5 convolutions (32 and 64 channels), dense 1024: the network of Madry et al. 2018 for MNIST.',
    source: 'Madry et al. 2018, arXiv 1706.06083, appendix A',
    settings,
    plan: madry(32, 64, 1024),
  }),
  defineArchitecture({
    name: 'lenet',
    label: 'LeNet-5',
    summary:
      'LeNet-5 (LeCun et al. 1998) with ReLU and max-pooling. A cheap other architecture, for black-box sources.',
    source: 'LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition, section II.B',
    settings,
    plan: ({ width }) => ({
      stages: [stage(1, atWidth(6, width)), stage(2, atWidth(16, width), 'valid')],
      head: [dense('fc1', atWidth(120, width)), dense('fc2', atWidth(84, width))],
      output: 'fc3',
    }),
  }),
  defineArchitecture({
    name: 'convnet-64',
    label: 'ConvNet 64',
    summary:
      'Four 3×3 convolutions with normalisation and pooling (32, 64, 128, 256 channels): small, for images of about 64 pixels a side.',
    source: 'Usual practice; four of the layers of Simonyan & Zisserman 2015, arXiv 1409.1556, normalised',
    settings,
    plan: ({ width }) => ({
      stages: [32, 64, 128, 256].map((filters, at) => normalisedStage(at + 1, atWidth(filters, width))),
      head: [{ kind: 'average', name: 'average' }],
      output: 'fc',
    }),
  }),
];
