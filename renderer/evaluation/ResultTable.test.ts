import { mount, type VueWrapper } from '@vue/test-utils';
import { TooltipProvider } from 'reka-ui';
import { afterEach, describe, expect, it } from 'vitest';
import { h } from 'vue';
import type { ResultCell, ResultTable as Results } from '../../shared/domain/library.ts';
import type { ExampleFilter } from '../stores/explorer.ts';
import { resultGrid } from './result-grid.ts';
import ResultTable from './ResultTable.vue';

function cell(
  model: string,
  threat: ResultCell['threat'],
  robustAccuracy: number,
  weak: string | null = null,
): ResultCell {
  return {
    evaluation: `evaluation-${threat}`,
    model,
    source: threat === 'white-box' ? null : 'run-source',
    threat,
    attack: { name: 'pgd', settings: {} },
    settings: {},
    label: 'PGD-40, ε 0.25',
    seed: 0,
    split: 'test',
    engine: { name: 'wasm', version: '', device: '', threads: 1, deterministic: false },
    examples: 500,
    cleanAccuracy: 0.9,
    robustAccuracy,
    robustInterval: [robustAccuracy - 0.04, robustAccuracy + 0.04],
    carried: 0,
    counted: true,
    weak,
    notes: [],
  };
}

const results: Results = {
  dataset: 'dataset-00000001',
  models: ['run-a', 'run-b', 'run-c'],
  columns: [
    {
      key: 'white',
      label: 'PGD-40, ε 0.25',
      heading: 'PGD-40, ε 0.25',
      threat: 'white-box',
      sources: [],
      epsilon: 0.25,
      families: [],
    },
    {
      key: 'gray',
      label: 'PGD-40, ε 0.25 from name of run-source',
      heading: 'PGD-40, ε 0.25',
      threat: 'gray-box',
      sources: ['run-source', 'run-second'],
      epsilon: 0.25,
      families: [],
    },
  ],
  cells: {
    'run-a': { white: cell('run-a', 'white-box', 0.1, 'One start only.'), gray: cell('run-a', 'gray-box', 0.5) },
    'run-b': { gray: cell('run-b', 'gray-box', 0.6) },
    'run-c': { white: cell('run-c', 'white-box', 0.62), gray: cell('run-c', 'gray-box', 0.7) },
  },
  clean: { 'run-a': 0.95 },
  cleanExamples: { 'run-a': 480 },
  worstBasis: { norm: 'linf', epsilon: 0.25, examples: 480, split: 'validation' },
  checks: {},
  worstCase: {
    'run-c': {
      accuracy: 0.6,
      low: 0.56,
      high: 0.64,
      examples: 480,
      epsilon: 0.25,
      attacks: 3,
      weak: 'No attack without gradients, of at least 1,000 queries, is among them.',
    },
  },
  findings: [],
};

let shown: VueWrapper;
const chosen: (readonly [evaluation: string, model: string, show: string])[] = [];

function table(selected: { evaluation: string; model: string } | null = null): VueWrapper {
  chosen.length = 0;
  shown = mount(
    () =>
      h(TooltipProvider, () =>
        h(ResultTable, {
          grid: resultGrid(results, []),
          selected,
          modelName: (id: string) => `name of ${id}`,
          onSelect: (evaluation: string, model: string, { show }: ExampleFilter) =>
            chosen.push([evaluation, model, show]),
        }),
      ),
    { attachTo: document.body },
  );
  return shown;
}

afterEach(() => shown.unmount());

describe('the result table', () => {
  it('shows per cent with the interval, says where x′ comes from, and leaves gaps', () => {
    const view = table();
    const first = view.get('button.number');
    expect(first.text()).toContain('10.0');
    expect(first.text()).toContain('6.0–14.0');
    expect(view.get('thead').text()).toContain('from name of run-source + name of run-second');
    expect(view.findAll('.gap').length).toBeGreaterThan(0);
  });

  it('underlines weak numbers and worst cases only, which say why', () => {
    const view = table();
    const [single, worst, ...others] = view.findAll('button.weak');
    expect([single?.text(), worst?.text()]).toEqual(['10.06.0–14.0', '60.056.0–64.0']);
    expect(worst?.attributes('title')).toMatch(/counted, 480 images\. No attack without gradients/);
    expect(others).toEqual([]);
  });

  it('is one stop for the Tab key, at the selected number', () => {
    const view = table({ evaluation: 'evaluation-gray-box', model: 'run-b' });
    const stops = view.findAll('button.number').filter((button) => button.attributes('tabindex') === '0');
    expect(stops).toHaveLength(1);
    expect(stops[0]!.text()).toContain('60.0');
    expect(stops[0]!.attributes('aria-pressed')).toBe('true');
  });

  it('moves with the arrow keys, over gaps, and opens a number', async () => {
    const view = table();
    const start = view.get('button.number');
    (start.element as HTMLElement).focus();
    await start.trigger('keydown', { key: 'ArrowDown' });
    // run-b has no white-box number: the next one below is that of run-c.
    expect(document.activeElement?.textContent).toContain('62.0');
    await view
      .findAll('button.number')
      .find((button) => button.element === document.activeElement)!
      .trigger('click');
    expect(chosen).toEqual([['evaluation-white-box', 'run-c', 'all']]);
  });

  it('leads from the worst case to the attacks that it counts, the strongest first', async () => {
    const view = table();
    const worst = view.get('button.worst-case');
    await worst.trigger('keydown', { key: 'ArrowRight' });
    expect(document.activeElement?.textContent).toContain('62.0');
    await worst.trigger('keydown', { key: 'Enter' });
    const items = [...document.querySelectorAll('[role=menuitem]')];
    expect(items.map((item) => item.textContent)).toEqual([
      'PGD-40, ε 0.2562.0',
      'PGD-40, ε 0.25 from name of run-source70.0',
    ]);
    items[1]!.dispatchEvent(new MouseEvent('click', { bubbles: true }));
    expect(chosen).toEqual([['evaluation-gray-box', 'run-c', 'broken']]);
  });

  it('says at which ε and on which images the worst case is counted', () => {
    expect(table().text()).toMatch(/Worst case\s*ε 0\.25\s*480 validation images/);
  });

  it('speaks the whole number', () => {
    expect(table().get('button.number').attributes('aria-label')).toBe(
      'run-a, PGD-40, ε 0.25: 10.0 per cent, 6.0 to 14.0',
    );
  });
});
