import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { firstExamples } from '../../fixtures/peers.ts';
import { buildNetwork, initialWeights } from '../../models/network.ts';
import { attackOptions, useSmallPeers } from '../attack-bench.ts';
import { apgd } from './apgd.ts';
import { AUTOATTACK_FAMILY, startsOf } from './autoattack-method.ts';
import type { AutoAttackPlan, Part } from './autoattack-method.ts';
import { fab } from '../minimal/fab.ts';
import type { AttackOptions } from '../options.ts';
import { workOf } from '../plan.ts';
import type { AttackPlan } from '../plan.ts';
import { resolveAttack } from '../registry.ts';
import { square } from '../square/square.ts';
import { attackWhiteBox } from '../base/white-box.ts';

const peers = useSmallPeers();

const BALL = { norm: 'linf', epsilon: 0.3 } as const;
const partOf = (attack: typeof apgd, settings: object): Part => {
  const { plan, title } = attack.resolve({ ...BALL, ...settings });
  return { plan, title };
};
/** The standard parts, cut short. */
const short = (): AutoAttackPlan => {
  const parts = [
    partOf(apgd, { steps: 5, restarts: 2 }),
    partOf(apgd, { steps: 5, loss: 'targeted-dlr', targets: 3 }),
    partOf(fab, { steps: 3, mode: 'targeted', targets: 2, thorough: false }),
    partOf(square, { queries: 40 }),
  ];
  return { family: AUTOATTACK_FAMILY, ...BALL, version: 'standard', parts, restarts: startsOf(parts) };
};
const optionsFor = <P extends AttackPlan>(plan: P, count: number): AttackOptions<P> =>
  attackOptions(firstExamples(peers.adv.examples, count), plan, { seed: 3, batchSize: 32 });

describe('AutoAttack', () => {
  it.each([
    ['linf', ['APGD-CE 100', 'APGD-T 100 × 9 targets', 'FAB-T 100', 'Square 5,000 queries']],
    ['l2', ['APGD-CE 100', 'APGD-T 100 × 9 targets', 'FAB-T 100', 'Square 5,000 queries']],
    [
      'l1',
      [
        ...[1, 2, 3, 4, 5].map((start) => `APGD-CE 100 × 5, start ${start}`),
        'APGD-T 100 × 5 targets',
        'FAB-T 100',
        'Square 5,000 queries',
      ],
    ],
  ])('standard in %s has the parts and defaults of the reference', (norm, titles) => {
    const { plan, weak } = resolveAttack({ name: 'autoattack', settings: { norm, epsilon: 0.5 } });
    expect(AUTOATTACK_FAMILY.stages?.(plan)).toEqual(titles);
    expect(plan.restarts).toBe(titles.length);
    expect(weak).toBeNull();
    for (const part of (plan as AutoAttackPlan).parts) expect(part.plan).toMatchObject({ norm, epsilon: 0.5 });
  });

  it('rand averages 20 gradients, and says that it has no search without them', () => {
    const { plan, weak } = resolveAttack({ name: 'autoattack', settings: { version: 'rand' } });
    const parts = (plan as AutoAttackPlan).parts.map(({ plan: part }) => part);
    expect(parts).toMatchObject([
      { loss: 'cross-entropy', samples: 20 },
      { loss: 'dlr', samples: 20 },
    ]);
    expect(weak).toMatch(/search/);
  });

  it('each part runs on what the ones before it left, as it would alone; nothing is left behind', async () => {
    const plan = short();
    const tensors = tf.memory().numTensors;
    const whole = await attackWhiteBox(peers.adv, optionsFor(plan, 30));
    expect(tf.memory().numTensors).toBe(tensors);
    expect(whole.violations).toBe(0);
    const broken = new Set<number>();
    let start = 0;
    for (const part of plan.parts) {
      const alone = await attackWhiteBox(peers.adv, optionsFor(part.plan, 30));
      for (let own = 0; own < part.plan.restarts; own += 1, start += 1) {
        for (const row of alone.succeeded.keys()) {
          if (!whole.attacked[row] || broken.has(row)) continue;
          const breaks = alone.succeeded[row] === 1 && alone.restart[row]! <= own;
          if (breaks) broken.add(row);
          expect(whole.restart[row] === start && whole.succeeded[row] === 1, `row ${row}, start ${start}`).toBe(breaks);
        }
        const clean = whole.cleanWrong.reduce((sum, wrong) => sum + wrong, 0);
        expect(whole.robustAfter[start]).toBe(30 - clean - broken.size);
      }
    }
    expect(whole.robustAfter).toHaveLength(5);
    expect(new Set(whole.robustAfter).size).toBeGreaterThan(1);
  });

  it('counts its work in gradients, a query as a third of one', async () => {
    const { plan } = resolveAttack({ name: 'autoattack', settings: { epsilon: 0.3 } });
    const works = (plan as AutoAttackPlan).parts.map((part) => workOf(part.plan));
    const [ce = 0, targeted = 0, fabTargeted = 0] = works;
    expect(works).toEqual([101, 9 * 101, fabTargeted, 5000]);
    expect(workOf(plan)).toBe(Math.ceil((ce + targeted + fabTargeted + 5000 / 3) / 4));
    const parts = [partOf(square, { queries: 40 })];
    const told = async (own: AttackPlan): Promise<number> => {
      let sum = 0;
      await attackWhiteBox(peers.adv, { ...optionsFor(own, 12), onWork: (done) => (sum += done) });
      return sum;
    };
    const asPart = await told({ ...short(), parts, restarts: 1 } as AutoAttackPlan);
    expect(asPart).toBe(Math.round((await told(parts[0]!.plan)) / 3));
    expect(asPart).toBeGreaterThan(20);
  });

  it('refuses a model that a part does not fit before any part runs', async () => {
    const network = buildNetwork('small-cnn', [28, 28, 1], 2);
    const weights = initialWeights(network, 1);
    const { plan } = resolveAttack({ name: 'autoattack', settings: { version: 'rand' } });
    const work: number[] = [];
    const own = optionsFor(plan, 2);
    const examples = { ...own.examples, labels: Int32Array.of(0, 1) };
    const options = { ...own, examples, onWork: (done: number) => work.push(done) };
    await expect(attackWhiteBox({ network, weights }, options)).rejects.toMatchObject({ code: 'invalid-input' });
    expect(work).toEqual([]);
    tf.dispose(Object.values(weights));
  });
});
