import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttackSpec } from '../../../../shared/domain/evaluation.ts';
import { loadEngine } from '../../engines/load.ts';
import { firstExamples, loadFixture } from '../../fixtures/peers.ts';
import type { PeerFixture } from '../../fixtures/peers.ts';
import { moduleApi } from '../../modules/api.ts';
import type { AnyAttack } from '../attack.ts';
import type { Outcome } from '../base/outcome.ts';
import { recordTrajectory } from '../base/record-trajectory.ts';
import { attackTransfer } from '../base/transfer.ts';
import { attackWhiteBox } from '../base/white-box.ts';
import type { AttackOptions } from '../options.ts';
import { resolveAttack } from '../registry.ts';
import type { AscentStepsPlan } from './ascent-definition.ts';
import { stepModel } from './step-model.ts';
import type { ModelOutputs } from './step-model.ts';

const { adaptiveAttack, defineAscent, defineAttack, losses, norms, settings, z } = moduleApi;

let nat: PeerFixture;
let adv: PeerFixture;
beforeAll(async () => {
  await loadEngine('wasm', { enginePack: null, deterministic: true });
  [nat, adv] = [await loadFixture('small-nat'), await loadFixture('small-adv')];
});
afterAll(() => {
  nat.dispose();
  adv.dispose();
});

function optionsFor(plan: AttackOptions['plan'], count = 12): AttackOptions {
  return {
    examples: firstExamples(nat.examples, count),
    plan,
    seed: 4,
    batchSize: 8,
    includeMisclassified: true,
    control: { checkpoint: () => Promise.resolve() },
  };
}

const planOf = (attack: AnyAttack, values: AttackSpec['settings']) => attack.resolve(attack.schema.parse(values)).plan;
const builtIn = (name: string, values: AttackSpec['settings']) => resolveAttack({ name, settings: values }).plan;

/** What one attack found, but for words. */
const found = ({ notes: _, ...rest }: Outcome) => rest;

const ownPgd = adaptiveAttack({
  name: 'own-pgd',
  label: 'Own PGD',
  summary: 'PGD once more.',
  source: 'Madry et al. 2018',
  help: 'PGD once more.',
  loss: ({ logits }, labels) => losses.crossEntropy(logits, labels),
});

interface MomentumPlan extends AscentStepsPlan {
  readonly stepSize: number;
}

/** MI-FGSM as a module would have it. */
const OWN_MOMENTUM = defineAscent<MomentumPlan>({
  name: 'own-momentum',
  memory: () => 1,
  step(model, { images, labels, memory, targeted }, { stepSize }) {
    const { logits, gradient } = model.gradient(images, (seen) => losses.crossEntropy(seen.logits, labels));
    const ascent = targeted ? tf.neg(gradient) : gradient;
    const pixels = images.size / images.shape[0];
    const velocity = tf.add(memory[0]!, tf.mul(norms.steepest('l1', ascent), pixels));
    return { change: tf.mul(stepSize, norms.steepest('linf', velocity)), gradient, logits, memory: [velocity] };
  },
});

const ownMomentum = defineAttack({
  name: 'own-momentum',
  label: 'Own MI-FGSM',
  summary: 'MI-FGSM once more.',
  source: 'Dong et al. 2018, algorithm 1',
  help: 'MI-FGSM once more.',
  schema: z.strictObject({ epsilon: settings.epsilonLinf, steps: settings.steps(10) }),
  plan: ({ epsilon, steps }): MomentumPlan => ({
    family: OWN_MOMENTUM,
    norm: 'linf',
    epsilon,
    steps,
    stepSize: epsilon / steps,
    restarts: 1,
    randomStart: false,
    stopAtSuccess: false,
  }),
  describe: ({ steps }) => `Own MI-FGSM-${steps}`,
  weakness: () => null,
});

describe('attacks of modules', () => {
  it.each([
    { values: { epsilon: 0.2, steps: 12, restarts: 2 }, goal: 'untargeted' },
    { values: { epsilon: 0.2, steps: 12, restarts: 2, stopAtSuccess: true }, goal: 'untargeted' },
    { values: { norm: 'l2', epsilon: 2, steps: 6, stopAtSuccess: true }, goal: 'next' },
    { values: { norm: 'l1', epsilon: 20, steps: 6, randomStart: false }, goal: 'untargeted' },
  ] as const)('cross-entropy as a loss of its own is PGD to the last bit: $values, $goal', async ({ values, goal }) => {
    const own = await attackWhiteBox(nat, { ...optionsFor(planOf(ownPgd, values)), goal });
    const pgd = await attackWhiteBox(nat, { ...optionsFor(builtIn('pgd', values)), goal });
    expect(found(own)).toEqual(found(pgd));
    expect(own.succeeded.some(Boolean)).toBe(true);
  });

  it('MI-FGSM written as a module is MI-FGSM to the last bit, judged on a model itself and on another', async () => {
    const values = { epsilon: 0.15, steps: 6 };
    const [own, theirs] = [planOf(ownMomentum, values), builtIn('mi-fgsm', values)];
    expect(found(await attackWhiteBox(nat, optionsFor(own)))).toEqual(
      found(await attackWhiteBox(nat, optionsFor(theirs))),
    );
    const [ownMade] = await attackTransfer(nat, [adv], optionsFor(own));
    const [theirsMade] = await attackTransfer(nat, [adv], optionsFor(theirs));
    expect(found(ownMade!).adversarial).toEqual(found(theirsMade!).adversarial);
  });

  it('are recorded step by step like the built-in ones', async () => {
    const values = { epsilon: 0.2, steps: 5 };
    const record = (plan: AttackOptions['plan']) => {
      const { examples, seed, control } = optionsFor(plan, 1);
      return recordTrajectory({ maker: nat, judge: nat, examples, plan, seed, restart: 0, transfer: false, control });
    };
    const own = await record(planOf(ownPgd, values));
    const theirs = await record(builtIn('pgd', values));
    expect(own.points.length).toBe(6);
    expect(own).toEqual(theirs);
  });

  it('follow the gradient of a loss over logits and activations: finite differences agree', () => {
    tf.tidy(() => {
      const model = stepModel(nat.network, nat.weights);
      const [layer] = model.layers as [string];
      // Noise, as a plain background has ties in each pool, where there is no slope.
      const noise = tf.randomUniform([2, 28, 28, 1], 0, 0.2, 'float32', 3);
      const images = tf.add<tf.Tensor4D>(tf.tensor4d(nat.examples.images.slice(0, 2 * 784), [2, 28, 28, 1]), noise);
      const labels = tf.tensor1d(nat.examples.labels.slice(0, 2), 'int32');
      const loss = ({ logits, activations }: ModelOutputs) =>
        tf.add(losses.margin(logits, labels), tf.mean(tf.square(activations[layer]!), [1, 2, 3]));
      const { logits, gradient } = model.gradient(images, loss, { layers: [layer] });
      expect(logits.dataSync()).toEqual(model.outputs(images).logits.dataSync());
      const direction = norms.steepest('l2', gradient);
      const at = (step: number) =>
        loss(model.outputs(tf.add(images, tf.mul(direction, step)), [layer]))
          .dataSync<'float32'>()
          .slice();
      const [up, down] = [at(0.0005), at(-0.0005)];
      const lengths = norms.normOf('l2', gradient).dataSync();
      // Along the gradient the slope is its length.
      for (const row of [0, 1]) expect((up[row]! - down[row]!) / 0.001 / lengths[row]!).toBeCloseTo(1, 1);
    });
  });
});
