import { atWidth, defineArchitecture, widthMultiplier, type Architecture } from './architecture.ts';
import { basicBlock, normalised, stages, type Block } from './residual.ts';

/**
 * 6n + 2 layers (He et al. 2016, arXiv 1512.03385, section 4.2): 16, 32 and 64 channels, n blocks each, shortcuts without
 * parameters (option A).
 */
function cifarResnet(depth: number): Architecture {
  const blocks = (depth - 2) / 6;
  return defineArchitecture({
    name: `cifar-resnet${depth}`,
    label: `CIFAR ResNet-${depth}`,
    summary: `Residual network of ${depth} layers for small images (He et al. 2016: 16, 32 and 64 channels).`,
    source: 'He et al. 2016, arXiv 1512.03385, section 4.2',
    settings: { width: widthMultiplier },
    plan: ({ width }) => {
      const channels = [16, 32, 64].map((each) => atWidth(each, width));
      const block = (name: string, from: string, stage: number, first: boolean): Block => {
        const filters = channels[stage] ?? 0;
        const narrows = first && stage > 0;
        const layers = basicBlock(name, from, filters, narrows ? 2 : 1);
        if (!narrows) return { layers, sum: [`${name}_bn2`, from] };
        const shortcut = `${name}_shortcut`;
        return {
          layers: [...layers, { kind: 'shortcut', name: shortcut, filters, stride: 2, from }],
          sum: [`${name}_bn2`, shortcut],
        };
      };
      return {
        stages: [
          { name: 'stem', layers: normalised('conv1', 'bn1', { filters: channels[0] ?? 0, size: 3 }) },
          ...stages('bn1', [blocks, blocks, blocks], true, block),
        ],
        head: [{ kind: 'average', name: 'average' }],
        output: 'fc',
      };
    },
  });
}

export const CIFAR_RESNETS: readonly Architecture[] = [20, 32, 56].map(cifarResnet);
