import { mount } from '@vue/test-utils';
import { TooltipProvider } from 'reka-ui';
import { describe, expect, it } from 'vitest';
import { h } from 'vue';
import { galleryRequest, type KeyAreaMeasure } from '../../shared/domain/gallery.ts';
import type { GalleryRow } from '../../shared/domain/library.ts';
import KeyAreaPanel from './KeyAreaPanel.vue';

const about = (mean: number) => ({ mean, low: mean - 0.05, high: mean + 0.05 });
const measure: KeyAreaMeasure = {
  model: 'run-aaaaaaaa',
  method: 'activation',
  layer: 'conv2',
  resolution: [6, 6],
  clean: about(0.5),
  adversarial: about(0.6),
  noise: about(0.7),
  ratioToClean: about(1.2),
  ratioToNoise: about(0.8),
  iou: about(0.5),
  cosine: about(0.9),
  rawClean: 1,
  rawAdversarial: 1,
};

function panel(measures: readonly KeyAreaMeasure[], reference: string | null): string {
  const gallery: GalleryRow = {
    id: 'gallery-00000000',
    name: 'maps',
    request: galleryRequest.parse({
      dataset: 'dataset-00000000',
      models: ['run-aaaaaaaa', 'run-bbbbbbbb'],
      indices: [0],
      reference,
    }),
    state: 'done',
    result: {
      rows: [],
      measures: [...measures],
      layer: 'conv2',
      engine: { name: 'wasm', version: '', device: '', threads: 1, deterministic: false },
      seconds: 1,
    },
    error: null,
    created: '',
  };
  const given = {
    gallery,
    models: new Map(),
    method: 'activation',
    attack: 'PGD-40',
    palette: 'viridis',
    explained: null,
  } as const;
  const view = mount(() => h(TooltipProvider, () => h(KeyAreaPanel, { ...given, scale: 'all', maximum: 1 })));
  const text = view.text();
  view.unmount();
  return text;
}

describe('the key-area panel', () => {
  it('says two things that can both be true: a rise against x, less than under noise', () => {
    const text = panel([measure], 'run-cccccccc');
    expect(text).toMatch(/draws attention into the key area, to 120\s%/);
    expect(text).toContain('The area holds less than under random noise of the same ε.');
    expect(text).not.toContain('is compared itself');
  });

  it('warns where the reference is one of the models compared', () => {
    expect(panel([measure], 'run-bbbbbbbb')).toContain('run-bbbbbbbb is compared itself');
  });

  it('shows no number where there is no ratio', () => {
    const text = panel([{ ...measure, ratioToClean: null, ratioToNoise: null }], null);
    expect(text).toContain('–');
    expect(text).toContain('no attention in the key area');
  });
});
