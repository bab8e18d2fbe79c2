import type { z } from 'zod';
import type { architectureEntry } from '../../../shared/domain/catalogue.ts';
import type { Padding } from '../engines/kernels/names.ts';

/** What an architecture is made of, before it meets an image size. Every convolution and hidden dense layer has a ReLU. */
export type LayerPlan =
  | {
      readonly kind: 'conv';
      readonly name: string;
      readonly filters: number;
      readonly size: number;
      readonly pad: Padding;
    }
  | { readonly kind: 'pool' }
  | { readonly kind: 'dense'; readonly name: string; readonly units: number };

export interface Architecture {
  readonly name: string;
  readonly label: string;
  readonly summary: string;
  /** All layers but the last one, which is dense with one unit per class, without ReLU. */
  readonly plan: readonly LayerPlan[];
  readonly output: string;
}

const pool: LayerPlan = { kind: 'pool' };

function conv(name: string, filters: number, pad: Padding = 'same'): LayerPlan {
  return { kind: 'conv', name, filters, size: 5, pad };
}

function dense(name: string, units: number): LayerPlan {
  return { kind: 'dense', name, units };
}

/** Two 5×5 convolutions with pooling and one hidden dense layer (Madry et al. 2018, appendix A: 32, 64, 1024). */
function madry(first: number, second: number, hidden: number): readonly LayerPlan[] {
  return [conv('conv1', first), pool, conv('conv2', second), pool, dense('fc1', hidden)];
}

export const ARCHITECTURES: readonly Architecture[] = [
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
    plan: [conv('conv1', 6), pool, conv('conv2', 16, 'valid'), pool, dense('fc1', 120), dense('fc2', 84)],
    output: 'fc3',
  },
];

/** The architectures as data, for forms and documentation. */
export function architectureEntries(): z.infer<typeof architectureEntry>[] {
  return ARCHITECTURES.map(({ name, label, summary, plan }) => ({
    name,
    label,
    summary,
    layers: plan.flatMap((layer) => (layer.kind === 'conv' ? [layer.name] : [])),
  }));
}
