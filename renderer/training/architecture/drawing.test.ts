import { expect, test } from 'vitest';
import type { ArchitectureFacts, LayerFacts } from '../../../shared/domain/architecture.ts';
import { shortCount, stageBlocks } from './drawing.ts';

const layer = (name: string, more: Partial<LayerFacts>): LayerFacts => ({
  name,
  kind: 'conv 3×3',
  output: [16, 16, 8],
  parameters: 10,
  operations: 100,
  tap: null,
  ...more,
});

test('stages are as high as their resolution and as wide as they are deep', () => {
  const facts: ArchitectureFacts = {
    architecture: 'x',
    inputShape: [32, 32, 3],
    classes: 10,
    settings: {},
    stages: [
      { name: 'stem', layers: [layer('a', { output: [32, 32, 8] })] },
      {
        name: 'layer1',
        layers: [
          layer('b', {}),
          layer('c', {}),
          layer('norm', { kind: 'norm', operations: 0 }),
          layer('filter', { kind: 'filter: mean' }),
          layer('sum', { kind: 'add', operations: 0, parameters: 0, tap: 'layer1' }),
        ],
      },
      { name: 'head', layers: [layer('fc', { output: [1, 1, 10] })] },
    ],
    parameters: 50,
    operations: 400,
    activations: 100,
  };
  const blocks = stageBlocks(facts);
  expect(blocks.map(({ height }) => height)).toEqual([84, 70, 14]);
  expect(blocks.map(({ depth }) => depth)).toEqual([1, 2, 1]);
  expect(blocks[1]).toMatchObject({ taps: ['layer1'], denoised: true, parameters: 40, output: [16, 16, 8] });
  expect(blocks[0]!.width).toBeLessThan(blocks[1]!.width);
});

test('counts are short', () => {
  expect([0, 9_999, 10_000, 1_250_000, 138_365_992, 4.1e9].map(shortCount)).toEqual([
    '0',
    '9999',
    '10.0 k',
    '1.3 M',
    '138 M',
    '4.1 G',
  ]);
});
