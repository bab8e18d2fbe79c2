import { describe, expect, it } from 'vitest';
import { catalogueEntry } from '../../../shared/domain/catalogue.ts';
import type { AttackSpec } from '../../../shared/domain/evaluation.ts';
import type { AscentPlan } from './ascent/ascent.ts';
import { ATTACKS, attackEntries, attackNotes, attackPresets, resolveAttack } from './registry.ts';

const resolve = (name: string, settings: AttackSpec['settings'] = {}) => resolveAttack({ name, settings });

describe('settings', () => {
  it('every attack has a name of its own, a source, and labelled settings with defaults that are valid', () => {
    expect(new Set(ATTACKS.map(({ name }) => name)).size).toBe(ATTACKS.length);
    for (const entry of attackEntries()) {
      expect(() => catalogueEntry.parse(entry)).not.toThrow();
      expect(entry.source).toMatch(/\d{4}/);
      for (const field of entry.fields) expect(field.label).not.toBe(field.key);
      const defaults = Object.fromEntries(entry.fields.map((field) => [field.key, field.default as number]));
      expect(resolve(entry.name, defaults).plan).toEqual(resolve(entry.name).plan);
    }
  });

  it.each([
    ['pgd', { epsilon: -0.1 }, /attack pgd: epsilon: must be at least 0/],
    ['pgd', { epsilon: Number.NaN }, /attack pgd: epsilon: /],
    ['pgd', { steps: 0 }, /attack pgd: steps: must be at least 1/],
    ['pgd', { steps: 1.5 }, /attack pgd: steps: must be a whole number/],
    ['pgd', { stepSize: 0 }, /attack pgd: stepSize: must be above 0/],
    ['pgd', { restarts: 0 }, /attack pgd: restarts: must be at least 1/],
    ['pgd', { epsilon: 3 }, /attack pgd: epsilon: must be at most 1 in L∞/],
    ['pgd', { norm: 'l0' }, /attack pgd: norm: /],
    ['fgm', { norm: 'linf' }, /attack fgm: norm: /],
    ['fgsm', { epsilon: 3 }, /attack fgsm: epsilon: must be at most 1/],
    ['fgsm', { steps: 3 }, /attack fgsm: .*steps/],
    ['apgd', { loss: 'margin' }, /attack apgd: loss: /],
    ['square', { queries: 0 }, /attack square: queries: must be at least 1/],
    ['circle', {}, /no attack "circle". Known: pgd, .*noise/],
  ])('%s with %j is refused by name', (name, settings, message) => {
    expect(() => resolve(name, settings)).toThrow(message);
    expect(() => resolve(name, settings)).toThrow(expect.objectContaining({ code: 'invalid-input' }));
  });

  it('an empty step size is 2.5 ε / steps, and the result says which was used', () => {
    const { plan, settings } = resolve('pgd', { epsilon: 0.2, steps: 50 });
    expect((plan as AscentPlan).stepSize).toBeCloseTo(0.01, 12);
    expect(settings).toMatchObject({
      norm: 'linf',
      epsilon: 0.2,
      steps: 50,
      stepSize: (plan as AscentPlan).stepSize,
      restarts: 1,
      randomStart: true,
      stopAtSuccess: false,
    });
  });

  it('FGSM is one step of ε from the image, noise a start without a step', () => {
    expect(resolve('fgsm', { epsilon: 0.1 }).plan).toMatchObject({ steps: 1, stepSize: 0.1, randomStart: false });
    expect(resolve('noise', { trials: 7 }).plan).toMatchObject({ steps: 0, restarts: 7, randomStart: true });
  });
});

describe('norms', () => {
  it('ε of L2 and L1 may be above 1, and the label says the norm', () => {
    expect(resolve('pgd', { norm: 'l2', epsilon: 2, steps: 40 }).label).toBe('PGD-40, L2 ε 2');
    expect(resolve('bim', { norm: 'l1', epsilon: 20 }).plan).toMatchObject({ norm: 'l1', epsilon: 20, stepSize: 5 });
    expect(resolve('pgd', { epsilon: 0.3 }).label).toBe('PGD-40, ε 0.3');
  });

  it('flat grey is a matter of L∞', () => {
    expect(attackNotes(resolve('pgd', { norm: 'l2', epsilon: 2 }), 10).join()).not.toMatch(/grey/);
  });
});

describe('presets', () => {
  it('are valid and say what they are called', () => {
    for (const preset of attackPresets) {
      const { label } = resolve(preset.attack, preset.settings);
      const words = preset.label
        .replace(/^[^:]*: /, '')
        .replace('Random noise', 'Noise')
        .replace(/ with .*/, '');
      expect(label.startsWith(`${words},`)).toBe(true);
    }
    expect(resolve('pgd', { steps: 200, restarts: 10 }).label).toBe('PGD-200 × 10, ε 0.25');
  });

  it('only many steps with restarts and AutoAttack pass without a remark on strength', () => {
    const weak = attackPresets.map(({ attack, settings }) => resolve(attack, settings).weak !== null);
    expect(attackPresets.filter((_, i) => !weak[i]).map(({ label }) => label)).toEqual([
      'PGD-200 × 10',
      'ALP-breaking: PGD-200 × 50 with steps of 50/255',
      'AutoAttack standard',
    ]);
  });
});

describe('notes', () => {
  const notesOf = (settings: AttackSpec['settings']) => attackNotes(resolve('pgd', settings), 17).join('\n');

  it('warn when steps × step size cannot reach ε, and only then', () => {
    expect(notesOf({ epsilon: 0.3, steps: 10, stepSize: 0.01 })).toMatch(/at most 0\.1, less than ε 0\.3/);
    expect(notesOf({ epsilon: 0.4, steps: 40, stepSize: 0.01 })).not.toMatch(/less than/);
    expect(notesOf({ epsilon: 0.3, steps: 1000 })).not.toMatch(/less than/);
  });

  it('from ε 0.5 on say what flat grey means', () => {
    expect(notesOf({ epsilon: 0.5 })).toMatch(/flat grey.*5\.9 % on 17 balanced classes/);
    expect(notesOf({ epsilon: 0.49 })).not.toMatch(/grey/);
  });

  it('say that starts without randomness are one', () => {
    expect(resolve('pgd', { randomStart: false, restarts: 9 }).plan.restarts).toBe(1);
    expect(notesOf({ randomStart: false, restarts: 9 })).toMatch(/one was run/);
  });
});

describe('help', () => {
  it('every attack has a page of several paragraphs', () => {
    for (const { name, help } of attackEntries()) {
      expect(help.length, name).toBeGreaterThan(150);
      expect(help.split('\n\n').length, name).toBeGreaterThan(1);
    }
  });
});
