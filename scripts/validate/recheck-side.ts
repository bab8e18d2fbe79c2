/** Looks at stored images again on another engine: an order in on standard input, one JSON line for each case. */
import * as tf from '@tensorflow/tfjs-core';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { readNpz } from '../../electron/compute/arrays/npz.ts';
import { resolveAttack } from '../../electron/compute/attacks/registry.ts';
import { loadEngine } from '../../electron/compute/engines/load.ts';
import { firstExamples, loadFixture } from '../../electron/compute/fixtures/peers.ts';
import { forward } from '../../electron/compute/models/network.ts';
import { CASES } from './cases.ts';
import type { AttackOrder } from './attack-side.ts';
import { recheck } from './recheck.ts';

const order = JSON.parse(await text(process.stdin)) as AttackOrder;
await loadEngine(order.engine, { enginePack: order.enginePack, deterministic: true, threads: 1 });
for (const entry of CASES.filter(({ name }) => order.cases.includes(name))) {
  const peer = await loadFixture(entry.fixture);
  const { plan } = resolveAttack(entry.attack);
  const { images, labels, shape } = firstExamples(peer.examples, entry.examples);
  const stored = await readNpz(join(order.folder, `${entry.name}.npz`));
  const array = (key: string): ArrayLike<number> => {
    const data = stored[key]?.data;
    if (!data || data instanceof BigInt64Array) throw new Error(`${entry.name}.npz has no numbers ${key}.`);
    return data;
  };
  const adversarial = Float32Array.from(array('adversarial'));
  const logits = tf.tidy(() =>
    forward(
      peer.network,
      peer.weights,
      tf.tensor4d(adversarial, [labels.length, ...shape]),
    ).logits.dataSync<'float32'>(),
  );
  const found = recheck(
    {
      norm: plan.norm,
      epsilon: plan.epsilon,
      clean: images,
      adversarial,
      labels,
      fooled: array('fooled'),
      within: array('within'),
      distances: array('distances'),
    },
    Float32Array.from(logits),
  );
  process.stdout.write(`${JSON.stringify({ case: entry.name, ...found })}\n`);
  peer.dispose();
}
process.exit(0);
