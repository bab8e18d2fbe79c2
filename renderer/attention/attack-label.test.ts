import { describe, expect, it } from 'vitest';
import type { CatalogueEntry } from '../../shared/domain/catalogue.ts';
import { attackLabel } from './attack-label.ts';

const attacks: readonly CatalogueEntry[] = [
  {
    name: 'pgd',
    label: 'PGD',
    summary: '',
    source: '',
    fields: [
      { key: 'steps', label: 'Steps', type: 'integer', default: 40, nullable: false },
      { key: 'restarts', label: 'Restarts', type: 'integer', default: 1, nullable: false },
    ],
  },
  { name: 'fgsm', label: 'FGSM', summary: '', source: '', fields: [] },
];

describe('the short label of an attack', () => {
  it('has steps, and restarts where there are several', () => {
    expect(attackLabel({ name: 'pgd', settings: { steps: 200, restarts: 10 } }, attacks)).toBe('PGD-200 × 10');
  });

  it('takes what is not said from the defaults', () => {
    expect(attackLabel({ name: 'pgd', settings: {} }, attacks)).toBe('PGD-40');
  });

  it('is the name where there are no steps or the attack is unknown', () => {
    expect(attackLabel({ name: 'fgsm', settings: {} }, attacks)).toBe('FGSM');
    expect(attackLabel({ name: 'new', settings: {} }, [])).toBe('new');
  });
});
