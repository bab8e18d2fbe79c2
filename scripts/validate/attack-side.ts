/** Runs Pairlight's attacks: an order in on standard input, one JSON line for each run on standard output. */
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { writeNpz } from '../../electron/compute/arrays/npz.ts';
import { resolveAttack } from '../../electron/compute/attacks/registry.ts';
import { attackWhiteBox } from '../../electron/compute/attacks/base/white-box.ts';
import { loadEngine } from '../../electron/compute/engines/load.ts';
import { firstExamples, loadFixture } from '../../electron/compute/fixtures/peers.ts';
import type { EngineName } from '../../shared/domain/engine.ts';
import { CASES } from './cases.ts';

export interface AttackOrder {
  readonly engine: EngineName;
  readonly enginePack: string | null;
  readonly cases: readonly string[];
  /** Where the images go: `CASE.npz`, of the first seed. */
  readonly folder: string;
}

const order = JSON.parse(await text(process.stdin)) as AttackOrder;
await loadEngine(order.engine, { enginePack: order.enginePack, deterministic: true, threads: 1 });
for (const entry of CASES.filter(({ name }) => order.cases.includes(name))) {
  const peer = await loadFixture(entry.fixture);
  const { plan, label } = resolveAttack(entry.attack);
  const examples = firstExamples(peer.examples, entry.examples);
  for (let seed = 0; seed < entry.seeds; seed += 1) {
    const started = process.cpuUsage();
    let work = 0;
    const outcome = await attackWhiteBox(peer, {
      examples,
      plan,
      seed,
      batchSize: 64,
      includeMisclassified: false,
      control: { checkpoint: () => Promise.resolve() },
      onWork: (done) => (work += done),
    });
    const { user, system } = process.cpuUsage(started);
    const rows = [...examples.labels.keys()];
    if (seed === 0) {
      const within = Uint8Array.from(outcome.succeeded);
      const found = Uint8Array.from(outcome.distance, (distance) => (Number.isNaN(distance) ? 0 : 1));
      await writeNpz(join(order.folder, `${entry.name}.npz`), {
        adversarial: { dtype: 'f32', shape: [rows.length, ...examples.shape], data: outcome.adversarial },
        within: { dtype: 'u8', shape: [rows.length], data: within },
        fooled: { dtype: 'u8', shape: [rows.length], data: found },
        distances: { dtype: 'f32', shape: [rows.length], data: outcome.distance },
      });
    }
    const line = {
      case: entry.name,
      label,
      minimal: plan.family.minimal,
      norm: plan.norm,
      epsilon: plan.epsilon,
      violations: outcome.violations,
      seed,
      left: rows.map((row) => !outcome.cleanWrong[row] && !outcome.succeeded[row]),
      distances: rows.map((row) => (Number.isNaN(outcome.distance[row]) ? null : (outcome.distance[row] ?? null))),
      queries: plan.family.unit === 'queries' ? work / outcome.attacked.reduce((sum, one) => sum + one, 0) : null,
      cpuSeconds: (user + system) / 1e6,
    };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }
  peer.dispose();
}
process.exit(0);
