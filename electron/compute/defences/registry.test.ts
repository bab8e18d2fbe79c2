import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../engines/load.ts';
import type { Ablation, LossInputs } from './defence.ts';
import { defenceEntries, DEFENCES, findDefence } from './registry.ts';
import { decisiveSettings } from './settings.ts';

beforeAll(() => loadEngine('wasm', { enginePack: null, deterministic: true }));

/** Two classes, two examples. Cross-entropy of logits (a, −a) at label 0 is log(1 + e^(−2a)). */
function inputs(): LossInputs {
  const half = (a: number, b: number): LossInputs['clean'] => ({
    logits: tf.tensor2d([
      [a, -a],
      [b, -b],
    ]),
    activations: {
      conv1: tf.ones<tf.Rank.R4>([2, 2, 2, 1]),
      conv2: tf.tensor4d([a, 1, 1, 1, 1, b, 1, 1], [2, 2, 2, 1]),
    },
  });
  return { clean: half(2, 1), adversarial: half(0.5, 0.25), labels: tf.tensor1d([0, 0], 'int32'), labelSmoothing: 0 };
}

const crossEntropy = (a: number): number => Math.log(1 + Math.exp(-2 * a));
const CLEAN = (crossEntropy(2) + crossEntropy(1)) / 2;
const ADVERSARIAL = (crossEntropy(0.5) + crossEntropy(0.25)) / 2;
const LOGITS = (1.5 ** 2 + 0.75 ** 2) / 2;

function terms(name: string, settings: Record<string, unknown>): Record<string, number> {
  const loss = findDefence(name).configure(settings).loss;
  const made = tf.tidy(() => {
    const all = loss(inputs());
    return Object.fromEntries(Object.entries(all).map(([term, value]) => [term, value.dataSync()[0]!]));
  });
  return made;
}

describe('the defences', () => {
  it.each([
    ['natural', {}, { clean: CLEAN }],
    ['at', {}, { adversarial: ADVERSARIAL }],
    ['m-pgd', {}, { clean: CLEAN / 2, adversarial: ADVERSARIAL / 2 }],
    ['m-pgd', { share: 0.25 }, { clean: 0.75 * CLEAN, adversarial: 0.25 * ADVERSARIAL }],
    ['alp', {}, { clean: CLEAN / 2, adversarial: ADVERSARIAL / 2, logits: LOGITS / 2 }],
    ['alp', { base: 'at', alpha: 1, reduction: 'sum' }, { clean: 0, adversarial: ADVERSARIAL, logits: 2 * LOGITS }],
    ['alp', { base: 'natural' }, { clean: CLEAN, adversarial: 0, logits: LOGITS / 2 }],
    // Pairs (2, −2) with (1, −1): a squared distance of 1 in each class.
    ['clp', {}, { clean: CLEAN, logits: 0.5 }],
    // Norms 2√2 and √2.
    ['lsq', { lambda: 2 }, { clean: CLEAN, logits: 3 * Math.SQRT2 }],
  ])('%s %o has the terms of its paper', (name, settings, expected) => {
    const found = terms(name, settings);
    expect(Object.keys(found)).toEqual(Object.keys(expected));
    for (const [term, value] of Object.entries(expected)) expect(found[term]).toBeCloseTo(value, 5);
  });

  it('at-alp adds β times the attention term over its layers to logit pairing', () => {
    const all = terms('at-alp', { alpha: 2 });
    expect(all['clean']).toBeCloseTo(CLEAN / 2, 5);
    expect(all['logits']).toBeCloseTo(2 * LOGITS, 5);
    const unit = (values: number[]): number[] => {
      const norm = Math.hypot(...values);
      return values.map((value) => value / norm);
    };
    const distance = (a: number[], b: number[]): number =>
      Math.hypot(...unit(a).map((value, i) => value - unit(b)[i]!));
    const conv2 = (distance([4, 1, 1, 1], [0.25, 1, 1, 1]) + distance([1, 1, 1, 1], [1, 0.0625, 1, 1])) / 2;
    expect(all['attention']).toBeCloseTo(conv2, 4);
    expect(terms('at-alp', { beta: 3 })['attention']).toBeCloseTo(3 * conv2, 4);
    expect(terms('at-alp', { beta: 0 })['attention']).toBe(0);
  });

  it('takes all layers unless some are named, and names those there are', () => {
    const { configure } = findDefence('at-alp');
    expect(configure({}).taps(['conv1', 'conv2'])).toEqual(['conv1', 'conv2']);
    expect(configure({ layers: ['conv2'] }).taps(['conv1', 'conv2'])).toEqual(['conv2']);
    expect(() => configure({ layers: ['conv9'] }).taps(['conv1', 'conv2'])).toThrow(/conv9.*conv1, conv2/);
  });

  it('has an inner attack of ε/4 a step unless told otherwise or another one belongs to it', () => {
    const pgd = { epsilon: 0.25, steps: 10, stepSize: 0.0625, randomStart: true };
    const own: Record<string, object | null> = {
      trades: { ...pgd, randomStart: false, objective: 'divergence', startNoise: 0.001 },
      'fast-at': { ...pgd, steps: 1, stepSize: 0.3125 },
      'free-at': null,
    };
    for (const { name, adversarial, configure } of DEFENCES) {
      const { inner, epsilon } = configure(name === 'ensemble-at' ? { members: ['other'] } : {});
      expect(epsilon, name).toBe(0.25);
      expect(inner, name).toEqual(own[name] === undefined ? (adversarial ? pgd : null) : own[name]);
    }
    expect(findDefence('at').configure({ epsilon: 0.1, attackStepSize: 0.02 }).inner?.stepSize).toBe(0.02);
    expect(findDefence('free-at').configure({ epsilon: 0.1, replays: 3 }).replay).toEqual({ epsilon: 0.1, times: 3 });
    expect(findDefence('fast-at').configure({}).guard).toEqual({ every: 25, attackSteps: 10 });
    expect(findDefence('fast-at').configure({ guard: false }).guard).toBeUndefined();
  });

  it('perturbs weights adversarially if it is adversarial and asked to', () => {
    for (const { name, adversarial, configure } of DEFENCES) {
      const members = name === 'ensemble-at' ? { members: ['other'] } : {};
      expect(configure(members).weightPerturbation, name).toBeUndefined();
      const asked = { ...members, awp: 0.01, awpWarmup: 0.5 };
      if (adversarial) expect(configure(asked).weightPerturbation, name).toEqual({ gamma: 0.01, warmup: 0.5 });
      else expect(() => configure(asked), name).toThrow(/awp/);
    }
  });

  it('warms up the terms that say so', () => {
    const { warmups } = findDefence('at-alp').configure({ alphaWarmup: 0.25, betaWarmup: 0.5 });
    expect(warmups).toEqual({ logits: 0.25, attention: 0.5 });
    expect(findDefence('trades').configure({ betaWarmup: 0.1 }).warmups).toEqual({ divergence: 0.1 });
    expect(findDefence('lsq').configure({ lambdaWarmup: 0.1 }).warmups).toEqual({ logits: 0.1 });
  });

  it('has ablations and recommendations that are settings of it, and without its parts is what they are beside', () => {
    for (const { name, ablations, recommended, configure } of DEFENCES) {
      for (const settings of [...(ablations ?? []), recommended?.digits, recommended?.photographs]) {
        if (!settings) continue;
        const values = 'name' in settings ? (settings as Ablation).settings : settings;
        const members = name === 'ensemble-at' ? { members: ['other'] } : {};
        expect(() => configure({ ...members, ...values }), name).not.toThrow();
      }
    }
    expect(findDefence('at-alp').ablations?.map(({ settings }) => settings)).toEqual([
      { beta: 0 },
      { alpha: 0 },
      { alpha: 0, beta: 0 },
    ]);
    const neither = terms('at-alp', { alpha: 0, beta: 0 });
    expect(neither).toMatchObject({ ...terms('m-pgd', {}), logits: 0, attention: 0 });
  });

  it('decides a run by the settings that it had at first, and by later ones only where they are used', () => {
    const { settings } = findDefence('at-alp').configure({});
    expect(Object.keys(decisiveSettings(settings))).toEqual([
      'epsilon',
      'attackSteps',
      'attackStepSize',
      'randomStart',
      'share',
      'alpha',
      'reduction',
      'beta',
      'exponent',
      'layers',
    ]);
    expect(decisiveSettings({ ...settings, awp: 0.01 })).toHaveProperty('awp', 0.01);
  });

  it.each([
    ['epsilon', { epsilon: -0.1 }],
    ['epsilon', { epsilon: Number.NaN }],
    ['attackSteps', { attackSteps: 0 }],
    ['alpah', { alpah: 1 }],
    ['reduction', { reduction: 'median' }],
    ['beta', { beta: -1 }],
    ['alpha', { alpha: -0.5 }],
    ['awp', { awp: -0.01 }],
    ['distance', { distance: 'l3' }],
  ])('refuses a wrong %s by name', (field, settings) => {
    expect(() => findDefence('at-alp').configure(settings)).toThrow(
      expect.objectContaining({ code: 'invalid-input', message: expect.stringContaining(field) as string }),
    );
  });

  it('refuses an ensemble without static models', () => {
    expect(() => findDefence('ensemble-at').configure({})).toThrow(
      expect.objectContaining({
        code: 'invalid-input',
        message: expect.stringMatching(/members: name at least one/) as string,
      }),
    );
  });

  it('is documented: each defence, and each setting with its default', async () => {
    const text = await readFile(new URL('../../../docs/defences.md', import.meta.url), 'utf8');
    const rows = text.split('\n').filter((line) => line.startsWith('|'));
    const cells = rows.map((row) => row.split(' | ').map((cell) => cell.replace(/^\| /, '').trim()));
    for (const { name, fields } of defenceEntries()) {
      expect(
        cells.some(([first]) => first === `\`${name}\``),
        name,
      ).toBe(true);
      for (const field of fields) {
        const shown = field.default === null || String(field.default) === '' ? 'empty' : String(field.default);
        const found = cells.some(([key, standard]) => key === `\`${field.key}\`` && standard === shown);
        expect(found, `${name} ${field.key} ${shown}`).toBe(true);
      }
    }
  });

  it('is a catalogue whose fields all have a label and a default', () => {
    expect(defenceEntries().map((entry) => entry.name)).toEqual([
      'natural',
      'at',
      'm-pgd',
      'alp',
      'attention-pairing',
      'at-alp',
      'trades',
      'mart',
      'fast-at',
      'free-at',
      'ensemble-at',
      'clp',
      'lsq',
    ]);
    for (const { name, fields } of defenceEntries()) {
      for (const field of fields) {
        expect(field.label, `${name} ${field.key}`).not.toBe(field.key);
        expect(field.default !== null || field.nullable, `${name} ${field.key}`).toBe(true);
      }
    }
    expect(() => findDefence('trades-x')).toThrow(/natural, at, m-pgd, alp, attention-pairing, at-alp, trades/);
  });
});
