import { describe, expect, it } from 'vitest';
import { fillIn } from '../generated-sections.ts';
import { sectionsOf } from './docs.ts';
import type { BenchReport } from './results.ts';

const report: BenchReport = {
  format: 1,
  date: '2026-01-02T03:04:05.000Z',
  seconds: 120,
  extent: 'full',
  version: '1.2.3',
  threads: 2,
  machine: { cpu: 'Some | CPU', cores: 2, memoryBytes: 2 ** 34, system: 'linux', node: '24', electron: null },
  load: { before: 0.1, after: 1.9 },
  results: [
    {
      kind: 'figures',
      name: 'growth',
      title: 'memory growth',
      head: ['evaluation', 'MiB'],
      rows: [['PGD', '600']],
      verdicts: [
        { what: 'PGD', value: 7.25, unit: '%', target: '≤ 5 %', met: false, byCpu: null, disturbed: false },
        { what: 'BIM', value: 1.4142, unit: '×', target: '≥ 1.4', met: true, byCpu: 1.5, disturbed: true },
      ],
      notes: ['A note.'],
    },
    { kind: 'skipped', name: 'robust', title: 'time', reason: 'no fixture', failed: false },
  ],
};

describe('the document', () => {
  it('gets its tables between the marks and keeps the words around them', () => {
    const text = 'Before.\n<!-- bench:a -->\nold\n<!-- /bench:a -->\nAfter.\n';
    expect(fillIn(text, { a: 'new' }, 'bench')).toBe('Before.\n<!-- bench:a -->\n\nnew\n\n<!-- /bench:a -->\nAfter.\n');
  });

  it('is not written where a section has no place', () => {
    expect(() => fillIn('nothing', { a: 'new' }, 'bench')).toThrow('has no place for a');
  });

  it('shows every target with its figure, and says what was not measured', () => {
    const { targets = '', works = '', machine = '' } = sectionsOf(report);
    expect(targets).toContain('| memory growth | PGD | 7.25 % | ≤ 5 % | **no** |');
    expect(targets).toContain('| memory growth | BIM | 1.41 × | ≥ 1.4 | yes, machine not quiet (1.50 by CPU time) |');
    expect(targets).toContain('not measured: no fixture');
    expect(works).toContain('| PGD | 600 |');
    expect(works).toContain('A note.');
    expect(machine).toContain('Some \\| CPU');
  });
});
