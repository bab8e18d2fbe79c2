import { mount } from '@vue/test-utils';
import { TooltipProvider } from 'reka-ui';
import { expect, it } from 'vitest';
import { h } from 'vue';
import type { RunRow } from '../../shared/domain/library.ts';
import { trainConfig } from '../../shared/domain/training.ts';
import type { CompareRow } from './compare-rows.ts';
import CompareTable from './CompareTable.vue';

function row(id: string, epsilon: number, dataset = 'dataset-00000001', evaluatedImages = 500): CompareRow {
  const run: RunRow = {
    id,
    name: id,
    config: trainConfig.parse({ dataset, architecture: 'small-cnn', defence: 'at', defenceSettings: {}, seed: 0 }),
    state: 'done',
    colour: 0,
    result: null,
    engine: null,
    error: null,
    checkpointStep: null,
    created: '',
    ended: null,
  };
  const worstCase = {
    accuracy: 0.6,
    low: 0.55,
    high: 0.65,
    examples: 500,
    epsilon,
    attacks: 2,
    weak: 'No attack without gradients, of at least 1,000 queries, is among them.',
  };
  return {
    run,
    validationClean: null,
    validationAdversarial: null,
    evaluatedClean: 0.9,
    evaluatedImages,
    worstCase,
    norm: 'linf',
    counted: [],
    onClean: null,
    check: null,
  };
}

function table(rows: readonly CompareRow[]) {
  const view = mount(TooltipProvider, { slots: { default: () => h(CompareTable, { rows, defenceLabel: String }) } });
  const texts = {
    head: view.get('thead').text(),
    body: view.get('tbody').text(),
    best: view.findAll('td.best').length,
  };
  view.unmount();
  return texts;
}

it('says once at which ε and on how many images the worst cases are counted', () => {
  const { head, body, best } = table([row('run-a', 0.25), row('run-b', 0.25)]);
  expect(head).toContain('ε 0.25, 500 images');
  expect(body).not.toContain('images');
  expect(best).toBeGreaterThan(0);
});

it('says it at each number where it differs, and marks no best across data sets', () => {
  const { head, body, best } = table([row('run-a', 0.25), row('run-b', 0.3, 'dataset-00000002', 200)]);
  expect(head).not.toContain('ε');
  expect(body).toMatch(/ε 0\.25, 500 images.*200 images.*ε 0\.3, 500 images/);
  expect(best).toBe(0);
});

it('says beside each run what the masking check found, or that it was not run', () => {
  const checked: CompareRow = {
    ...row('run-a', 0.25),
    check: {
      check: 'check-00000001',
      verdict: 'red',
      depth: 'full',
      epsilon: 0.25,
      summary: '',
      created: '2026-11-22T10:00:00.000Z',
    },
  };
  const { body } = table([checked, row('run-b', 0.25)]);
  expect(body).toMatch(/run-a.*masking red.*run-b.*masking unchecked/s);
});
