import { cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EngineName } from '../../../shared/domain/engine.ts';
import type { AttackSpec, EvaluationRequestInput } from '../../../shared/domain/evaluation.ts';
import { ATTACKS } from '../attacks/registry.ts';
import { openEvaluationBench } from './evaluation-bench.ts';
import type { EvaluationBench } from './evaluation-bench.ts';
import { KEPT_FOLDER } from './kept.ts';
import { STATE_FOLDER } from './state.ts';

/** Every family as an attack of a second or less, most of them with several starts. */
const CASES: readonly AttackSpec[] = [
  { name: 'pgd', settings: { epsilon: 0.2, steps: 6, restarts: 3 } },
  { name: 'pgd', settings: { norm: 'l1', epsilon: 8, steps: 6, restarts: 2 } },
  { name: 'apgd', settings: { epsilon: 0.2, steps: 6, restarts: 2 } },
  { name: 'apgd', settings: { norm: 'l1', epsilon: 8, steps: 8, loss: 'targeted-dlr', targets: 2 } },
  { name: 'autoattack', settings: { epsilon: 0.3 } },
  { name: 'square', settings: { epsilon: 0.2, queries: 60, restarts: 2 } },
  { name: 'fab', settings: { epsilon: 0.2, steps: 3, restarts: 2 } },
  { name: 'deepfool', settings: { epsilon: 1.5, steps: 6 } },
  { name: 'cw', settings: { epsilon: 1.5, searches: 2, steps: 8 } },
  { name: 'ead', settings: { epsilon: 12, searches: 2, steps: 8 } },
  { name: 'bim', settings: { epsilon: 0.2, steps: 6 } },
  { name: 'fgsm', settings: { epsilon: 0.2 } },
  { name: 'fgm', settings: { epsilon: 2 } },
  { name: 'mi-fgsm', settings: { epsilon: 0.2, steps: 6, diversity: 0.5, kernel: 3 } },
  { name: 'spsa', settings: { epsilon: 0.2, iterations: 3, samples: 16, restarts: 2 } },
  { name: 'hopskipjump', settings: { norm: 'l2', epsilon: 2, queries: 150 } },
  { name: 'boundary', settings: { epsilon: 2, queries: 120 } },
  { name: 'spatial', settings: { rotations: 3, shifts: 3 } },
  { name: 'noise', settings: { epsilon: 0.3, trials: 4 } },
];
const EXAMPLES: EvaluationRequestInput['examples'] = { count: 12 };
/** Images that its first part breaks, or its second one: the later ones would take minutes. */
const OF_AUTOATTACK: EvaluationRequestInput['examples'] = { count: 4, sample: true, seed: 3390 };

/** What a killed process leaves: the disk as it was at some checkpoint. */
interface Wreck {
  readonly folder: string;
  /** Checkpoints before it. */
  readonly at: number;
  readonly state: string;
}

/**
 * An evaluation that was killed goes on to the same bytes, whatever its attack, on an engine in deterministic mode. A
 * killed process can save nothing more: it leaves what is on the disk, so the disk as it is at some checkpoints of one
 * run is what others start from.
 * @param missing why the engine is not here; its tests are then skipped.
 */
export function testResume(engine: EngineName, enginePack: string | null, missing: string | null): void {
  describe(`an evaluation killed on ${engine}`, () => {
    let bench: EvaluationBench;
    beforeAll(async () => {
      if (missing === null) bench = await openEvaluationBench(engine, enginePack);
    });
    afterAll(async () => {
      if (missing === null) await bench.dispose();
    });
    beforeEach(({ skip }) => {
      if (missing !== null) skip(missing);
    });

    it('every attack of the registry is among the cases', () => {
      expect(new Set(CASES.map(({ name }) => name))).toEqual(new Set(ATTACKS.map(({ name }) => name)));
    });

    it.each(CASES.map((attack) => [`${attack.name} ${JSON.stringify(attack.settings)}`, attack] as const))(
      'goes on to the same bytes: %s',
      { timeout: 60_000 },
      (_, attack) => expectSame(bench, attack, false),
    );

    it('goes on to the same bytes: a transfer of PGD to two models', { timeout: 60_000 }, () =>
      expectSame(bench, { name: 'pgd', settings: { epsilon: 0.2, steps: 6, restarts: 3 } }, true),
    );
  });
}

async function expectSame(bench: EvaluationBench, attack: AttackSpec, transfer: boolean): Promise<void> {
  const few = attack.name === 'autoattack';
  const request = { attack, batchSize: few ? 2 : 4, examples: few ? OF_AUTOATTACK : EXAMPLES };
  const models = transfer ? { source: bench.lenet, targets: [bench.nat, bench.adv] } : { targets: [bench.adv] };
  // Two parts.
  const given = { ...models, partBytes: (few ? 2 : 8) * 784 * 4, saveEvery: 0 };
  const folder = await bench.folder();
  const wrecks: Wreck[] = [];
  let checkpoints = 0;
  const scratch = await bench.folder();
  const control = {
    progress: () => undefined,
    checkpoint: () => {
      checkpoints += 1;
      const state = stateOf(folder);
      if (state !== '' && state !== wrecks.at(-1)?.state) {
        const copy = join(scratch, String(wrecks.length));
        cpSync(folder, copy, { recursive: true });
        wrecks.push({ folder: copy, at: checkpoints, state });
      }
      return Promise.resolve();
    },
  };
  const whole = await bench.run(request, { ...given, folder, control });
  const expected = filesOf(folder);
  const results = [...expected.keys()].filter((name) => !name.includes(KEPT_FOLDER));
  expect(results).toHaveLength(4 * models.targets.length);
  expect(wrecks.length, 'states that were saved').toBeGreaterThan(0);
  const chosen = [...new Set([0.3, 0.9].map((share) => wrecks[Math.floor(share * wrecks.length)]))];
  for (const wreck of chosen.filter((one) => one !== undefined)) {
    let left = 0;
    const result = await bench.run(request, {
      ...given,
      folder: wreck.folder,
      control: { progress: () => undefined, checkpoint: () => Promise.resolve(void (left += 1)) },
    });
    expect(left, `checkpoints after the ${wreck.at}th of ${checkpoints}`).toBeLessThan(checkpoints);
    expect({ ...result, seconds: 0, speed: null }).toEqual({ ...whole, seconds: 0, speed: null });
    const found = filesOf(wreck.folder);
    expect([...found.keys()]).toEqual([...expected.keys()]);
    for (const [name, bytes] of found) expect(bytes.equals(expected.get(name)!), `${name}, ${wreck.at}`).toBe(true);
  }
}

/** Tells one saved state from the next: names and times of its files. */
function stateOf(folder: string): string {
  const state = join(folder, STATE_FOLDER);
  if (!existsSync(state)) return '';
  return readdirSync(state)
    .sort()
    .map((name) => `${name} ${statSync(join(state, name), { bigint: true }).mtimeNs}`)
    .join();
}

/** Every file of a folder, by name. */
function filesOf(folder: string): Map<string, Buffer> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort();
  return new Map(paths.map((path) => [path.slice(folder.length), readFileSync(path)]));
}
