import { mount } from '@vue/test-utils';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { nextTick } from 'vue';
import DataTable from './DataTable.vue';
import { nextSorting, selectRows, sortRows, type Column } from './table.ts';

interface Row {
  readonly id: string;
  readonly name: string;
  readonly value: number | null;
}
const rows: readonly Row[] = [
  { id: 'a', name: 'run 10', value: 3 },
  { id: 'b', name: 'run 9', value: null },
  { id: 'c', name: 'run 1', value: 1 },
];
const columns: readonly Column<Row>[] = [
  { key: 'name', label: 'name', width: '1fr', value: (row) => row.name },
  { key: 'value', label: 'value', width: '80px', align: 'right', value: (row) => row.value },
];
const ids = (list: readonly Row[]): string => list.map((row) => row.id).join('');

describe('sortRows', () => {
  it('sorts numbers inside names as numbers', () => {
    expect(ids(sortRows(rows, columns, { key: 'name', descending: false }))).toBe('cba');
  });

  it('keeps empty values last in both directions', () => {
    expect(ids(sortRows(rows, columns, { key: 'value', descending: false }))).toBe('cab');
    expect(ids(sortRows(rows, columns, { key: 'value', descending: true }))).toBe('acb');
  });

  it('leaves rows as given without a sorting', () => expect(sortRows(rows, columns, null)).toBe(rows));
});

it('goes from ascending to descending to none', () => {
  const first = nextSorting(null, 'name');
  const second = nextSorting(first, 'name');
  expect([first, second, nextSorting(second, 'name')]).toEqual([
    { key: 'name', descending: false },
    { key: 'name', descending: true },
    null,
  ]);
});

describe('selectRows', () => {
  const all = ['a', 'b', 'c', 'd'];
  it('takes one, a range, or toggles', () => {
    expect(selectRows(all, ['a'], 2, { anchor: 0, extend: false, toggle: false })).toEqual(['c']);
    expect(selectRows(all, ['d'], 1, { anchor: 3, extend: true, toggle: false })).toEqual(['b', 'c', 'd']);
    expect(selectRows(all, ['a'], 2, { anchor: 0, extend: false, toggle: true })).toEqual(['a', 'c']);
    expect(selectRows(all, ['a', 'c'], 2, { anchor: 0, extend: false, toggle: true })).toEqual(['a']);
  });
});

describe('DataTable', () => {
  // The headless document has no layout: every element is given a size.
  beforeAll(() => {
    vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(400);
    vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(800);
  });

  it('draws only rows in sight of a long table, and says how many there are', () => {
    const many = Array.from({ length: 20_000 }, (_, i) => ({ id: `r${i}`, name: `run ${i}`, value: i }));
    const wrapper = mount(DataTable<Row>, { props: { rows: many, columns, label: 'runs' }, attachTo: document.body });
    expect(wrapper.get('[role=grid]').attributes('aria-rowcount')).toBe('20001');
    const drawn = wrapper.findAll('.line').length;
    expect(drawn).toBeGreaterThan(5);
    expect(drawn).toBeLessThan(200);
  });

  it('moves and extends the selection with the keyboard and opens and deletes rows', async () => {
    const wrapper = mount(DataTable<Row>, {
      props: {
        rows,
        columns,
        label: 'runs',
        selection: 'multi' as const,
        selected: [],
        'onUpdate:selected': (selected: readonly string[]) => wrapper.setProps({ selected }),
      },
      attachTo: document.body,
    });
    const grid = wrapper.get('[role=grid]');
    const press = async (key: string, more: object = {}): Promise<void> => {
      await grid.trigger('keydown', { key, ...more });
      await nextTick();
    };
    await press('ArrowDown');
    expect(wrapper.props('selected')).toEqual(['a']);
    await press('ArrowDown', { shiftKey: true });
    expect(wrapper.props('selected')).toEqual(['a', 'b']);
    expect(grid.attributes('aria-activedescendant')).toBe(wrapper.findAll('.line')[1]?.attributes('id'));
    await press('End');
    await press('Enter');
    expect(wrapper.emitted('open')?.[0]).toEqual([rows[2]]);
    await press('Delete');
    expect(wrapper.emitted('remove')?.[0]).toEqual([['c']]);
  });

  it('sorts by a press on its heading and says so', async () => {
    const wrapper = mount(DataTable<Row>, { props: { rows, columns, label: 'runs' }, attachTo: document.body });
    await wrapper.findAll('.sort')[1]?.trigger('click');
    expect(wrapper.findAll('[role=columnheader]')[1]?.attributes('aria-sort')).toBe('ascending');
    await nextTick();
    expect(wrapper.findAll('.line').map((line) => line.find('.cell').text())).toEqual(['run 1', 'run 10', 'run 9']);
  });
});
