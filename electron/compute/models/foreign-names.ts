import { NORM_EPSILON } from './frozen.ts';
import type { Layer, Network } from './layer.ts';

/** What an array is to its layer: the ending of our parameter's name. */
const PARTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  weights: { weight: 'w', kernel: 'w', depthwise_kernel: 'w', bias: 'b' },
  norm: {
    weight: 'gamma',
    gamma: 'gamma',
    bias: 'beta',
    beta: 'beta',
    running_mean: 'mean',
    moving_mean: 'mean',
    running_var: 'variance',
    moving_variance: 'variance',
  },
};

/** Names of layers in other programs, as patterns, and ours. Tried one after the other on names joined by `_`. */
const RENAMED: readonly (readonly [RegExp, string | ((...groups: string[]) => string)])[] = [
  [/^(?:module|model|_orig_mod|backbone)_(?=.)/, ''],
  // torchvision's, and those of the usual CIFAR networks.
  [/_(?:downsample|shortcut)_(?:0|conv)$/, '_downsample'],
  [/_(?:downsample|shortcut)_(?:1|bn|norm)$/, '_downsample_bn'],
  [/_convShortcut$/, '_downsample'],
  [/^block(\d)_layer_(\d+)_/, (_, stage, block) => `layer${stage}_${block}_`],
  // timm's pre-activation networks.
  [/^stages_(\d)_blocks_(\d+)_/, (_, stage, block) => `layer${Number(stage) + 1}_${block}_`],
  [/_norm(\d)$/, (_, place) => `_bn${place}`],
  [/^stem_conv$/, 'conv1'],
  [/^norm$/, 'bn'],
  // Those of Keras' applications.
  [/^conv1_(conv|bn)$/, (_, kind) => `${kind}1`],
  [/^conv(\d)_block(\d+)_(\d)_(conv|bn)$/, (_, stage, block, place, kind) => kerasName(stage, block, place, kind)],
];

function kerasName(stage = '', block = '', place = '', kind = ''): string {
  const own = `layer${Number(stage) - 1}_${Number(block) - 1}`;
  if (place !== '0') return `${own}_${kind}${place}`;
  return kind === 'conv' ? `${own}_downsample` : `${own}_downsample_bn`;
}

/** What the last layer is called elsewhere. */
const OUTPUTS = new Set(['fc', 'linear', 'classifier', 'head', 'head_fc', 'predictions', 'output', 'logits']);

/** An array of another program's file: the parameter that it is of a network, and how it is laid out. */
export interface ForeignName {
  readonly layer: Layer;
  /** Ending of the parameter's name. */
  readonly part: string;
  /** What the file calls the layer. */
  readonly called: string;
  /** What its program adds to a variance before the root, where the file does not say; 0 for other arrays. */
  readonly epsilon: number;
  /** PyTorch's: filters [out, in, height, width], matrices [out, in] after channels, height, width. */
  readonly torch: boolean;
}

/**
 * Which parameter an array is, by the name that PyTorch (torchvision, timm, the usual CIFAR networks), Keras or tfjs gives
 * it: `layer1.0.conv1.weight`, `conv2_block1_1_conv/kernel`. null: none of the network's.
 */
export function readForeignName(network: Network, key: string): ForeignName | null {
  const pieces = key.replace(/:\d+$/, '').split(/[./]/);
  const ending = pieces.pop() ?? '';
  const called = pieces.at(-1) ?? '';
  const found = layerCalled(network, pieces.join('_'));
  if (!found) return null;
  const part = PARTS[found.kind === 'norm' ? 'norm' : 'weights']?.[ending];
  const torch = ending === 'weight';
  return part === undefined ? null : { layer: found, part, called, epsilon: epsilonOf(called, ending), torch };
}

/** PyTorch's default is ours; Keras' own networks of this kind have another one than Keras' layer. */
function epsilonOf(layer: string, ending: string): number {
  if (ending === 'running_var') return NORM_EPSILON;
  if (ending !== 'moving_variance') return 0;
  return /^conv1_bn$|^conv\d_block\d+_\d_bn$/.test(layer) ? 1.001e-5 : 1e-3;
}

function layerCalled({ layers }: Network, name: string): Layer | undefined {
  const output = layers.at(-1);
  let renamed = name;
  for (const [pattern, replacement] of RENAMED) {
    const direct = layers.find((layer) => layer.name === renamed);
    if (direct) return direct;
    renamed = renamed.replace(pattern, replacement as string);
  }
  return layers.find((layer) => layer.name === renamed) ?? (OUTPUTS.has(renamed) ? output : undefined);
}
