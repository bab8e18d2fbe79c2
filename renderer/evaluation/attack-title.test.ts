import { expect, it } from 'vitest';
import type { AttackEntry, Catalogue } from '../../shared/domain/catalogue.ts';
import type { SettingField } from '../../shared/domain/settings.ts';
import { attackTitle } from './attack-title.ts';

const number = (key: string, value: number): SettingField => ({
  key,
  label: key,
  type: 'integer',
  default: value,
  nullable: false,
});
const entry = (name: string, label: string, fields: readonly SettingField[]): AttackEntry => ({
  name,
  label,
  summary: '',
  source: '',
  help: '',
  transfers: true,
  targeted: true,
  minimal: false,
  fields: [...fields],
});
const catalogue: Pick<Catalogue, 'attacks' | 'presets'> = {
  attacks: [
    entry('pgd', 'PGD', [number('epsilon', 0.25), number('steps', 40), number('restarts', 1)]),
    entry('square', 'Square', [number('queries', 5000)]),
    entry('fgsm', 'FGSM', []),
  ],
  presets: [
    { label: 'Quick look: PGD-10', attack: 'pgd', settings: { steps: 10 } },
    { label: 'Square 5,000 queries', attack: 'square', settings: { queries: 5000 } },
  ],
};

it('an attack is called as its preset is, whatever its ε', () => {
  expect(attackTitle({ name: 'pgd', settings: { epsilon: 0.1, steps: 10 } }, catalogue)).toBe('PGD-10');
  expect(attackTitle({ name: 'square', settings: {} }, catalogue)).toBe('Square 5,000 queries');
});

it('else by its steps, with defaults for what is not said, and its starts where they are several', () => {
  expect(attackTitle({ name: 'pgd', settings: {} }, catalogue)).toBe('PGD-40');
  expect(attackTitle({ name: 'pgd', settings: { steps: 200, restarts: 10 } }, catalogue)).toBe('PGD-200 × 10');
  expect(attackTitle({ name: 'square', settings: { queries: 7 } }, catalogue)).toBe('Square');
  expect(attackTitle({ name: 'gone', settings: {} }, catalogue)).toBe('gone');
});
