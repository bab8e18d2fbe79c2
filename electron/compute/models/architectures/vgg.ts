import { z } from 'zod';
import { atWidth, defineArchitecture, widthMultiplier, type Architecture } from './architecture.ts';
import type { LayerPlan, StagePlan } from './plan.ts';

const CHANNELS = [64, 128, 256, 512, 512] as const;
const HIDDEN = 4096;

/** Names are torchvision's places in its list of layers: `features_0` is its `features.0`. */
function vgg(depth: number, counts: readonly number[]): Architecture {
  return defineArchitecture({
    name: `vgg${depth}-bn`,
    label: `VGG-${depth} BN`,
    summary: `Five stages of 3×3 convolutions with batch normalisation, ${depth} layers with weights in its published form.`,
    source: `Simonyan & Zisserman 2015, arXiv 1409.1556, table 1 (${depth === 11 ? 'A' : 'D'}), with batch normalisation and without dropout`,
    settings: {
      width: widthMultiplier,
      classifier: z.enum(['average', 'published']).default('average').meta({
        label: 'Classifier',
        help: 'Average: mean over positions and one dense layer, as is usual for small images. Published: two hidden layers of 4096 units on all positions.',
      }),
    },
    plan: ({ width, classifier }) => {
      let place = 0;
      const stages = counts.map((count, stage): StagePlan => {
        const name = `block${stage + 1}`;
        const layers = Array.from({ length: count }, (_, index): readonly LayerPlan[] => {
          const [conv, norm] = [`features_${place}`, `features_${place + 1}`];
          place += 3;
          const filters = atWidth(CHANNELS[stage] ?? 0, width);
          const tap = index === count - 1 ? { tap: name } : {};
          return [
            { kind: 'conv', name: conv, filters, size: 3, pad: 'same', stride: 1, bias: true, relu: false },
            { kind: 'norm', name: norm, relu: true, ...tap },
          ];
        });
        place += 1;
        return { name, layers: [...layers.flat(), { kind: 'pool', name: `features_${place - 1}`, size: 2 }] };
      });
      const hidden = ['classifier_0', 'classifier_3'].map((name): LayerPlan => ({
        kind: 'dense',
        name,
        units: atWidth(HIDDEN, width),
      }));
      return {
        stages,
        head: classifier === 'published' ? hidden : [{ kind: 'average', name: 'average' }],
        output: 'classifier_6',
      };
    },
  });
}

export const VGGS: readonly Architecture[] = [vgg(11, [1, 1, 2, 2, 2]), vgg(16, [2, 2, 3, 3, 3])];
