import type { Padding } from '../../engines/kernels/names.ts';
import type { Architecture, LayerPlan } from './plan.ts';

function conv(name: string, filters: number, pad: Padding = 'same'): LayerPlan {
  return { kind: 'conv', name, filters, size: 5, pad, stride: 1, bias: true, relu: true, tap: name };
}

function pool(name: string): LayerPlan {
  return { kind: 'pool', name, size: 2 };
}

function dense(name: string, units: number): LayerPlan {
  return { kind: 'dense', name, units };
}

/** Two 5×5 convolutions with pooling and one hidden dense layer (Madry et al. 2018, appendix A: 32, 64, 1024). */
function madry(first: number, second: number, hidden: number): readonly LayerPlan[] {
  return [conv('conv1', first), pool('pool1'), conv('conv2', second), pool('pool2'), dense('fc1', hidden)];
}

/** Convolutions, pooling and dense layers one after the other. */
export const PLAIN_ARCHITECTURES: readonly Architecture[] = [
  {
    name: 'small-cnn',
    label: 'Small CNN',
    summary: 'Two 5×5 convolutions (8 and 16 channels), dense 64. Trains in seconds: for first looks and tests.',
    plan: madry(8, 16, 64),
    output: 'fc2',
  },
  {
    name: 'mnist-cnn',
    label: 'MNIST CNN',
    summary: 'Two 5×5 convolutions (32 and 64 channels), dense 1024: the network of Madry et al. 2018 for MNIST.',
    plan: madry(32, 64, 1024),
    output: 'fc2',
  },
  {
    name: 'lenet',
    label: 'LeNet-5',
    summary:
      'LeNet-5 (LeCun et al. 1998) with ReLU and max-pooling. A cheap other architecture, for black-box sources.',
    plan: [
      conv('conv1', 6),
      pool('pool1'),
      conv('conv2', 16, 'valid'),
      pool('pool2'),
      dense('fc1', 120),
      dense('fc2', 84),
    ],
    output: 'fc3',
  },
];
