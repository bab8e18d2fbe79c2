import { expect, test } from 'vitest';
import { layerViolation } from './lint-layers.mjs';

test.each([
  ['renderer/datasets/Grid.vue', '../../shared/domain/dataset.ts'],
  ['electron/main/ipc.ts', '../services/library.ts'],
  ['electron/cli/cli.ts', '../services/library.ts'],
  ['electron/services/queue.ts', '../store/database.ts'],
  ['electron/services/queue.ts', '../compute/job-host.ts'],
  ['electron/compute/attacks/plan.ts', '../../../shared/domain/errors.ts'],
  ['electron/compute/attacks/plan.ts', 'node:fs'],
  ['electron/main/window.ts', 'electron'],
  ['shared/contract/calls.ts', '../domain/ids.ts'],
  ['electron/compute/attacks/pgd.test.ts', '../../services/tensors.ts'],
])('%s may import %s', (file, name) => {
  expect(layerViolation(file, name)).toBeNull();
});

test.each([
  ['renderer/datasets/Grid.vue', '../../electron/services/library.ts'],
  ['renderer/datasets/Grid.vue', 'node:fs'],
  ['renderer/datasets/Grid.vue', 'electron'],
  ['renderer/datasets/Grid.vue', '@tensorflow/tfjs-core'],
  ['electron/main/ipc.ts', '../store/database.ts'],
  ['electron/cli/cli.ts', '../main/ipc.ts'],
  ['electron/store/database.ts', '../services/library.ts'],
  ['electron/services/queue.ts', '../main/ipc.ts'],
  ['electron/compute/attacks/plan.ts', '../../store/database.ts'],
  ['electron/compute/attacks/plan.ts', '../../../shared/contract/calls.ts'],
  ['electron/compute/attacks/plan.ts', 'electron'],
  ['electron/services/queue.ts', 'vue'],
  ['shared/domain/ids.ts', '../contract/calls.ts'],
  ['shared/domain/ids.ts', 'node:path'],
])('%s may not import %s', (file, name) => {
  expect(layerViolation(file, name)).toMatch(/must not import/);
});
