import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttackSpec, Threat } from '../../../shared/domain/evaluation.ts';
import { attackOptions } from '../attacks/attack-bench.ts';
import type { Outcome } from '../attacks/base/outcome.ts';
import { attackTransfer } from '../attacks/base/transfer.ts';
import { attackWhiteBox } from '../attacks/base/white-box.ts';
import { resolveAttack } from '../attacks/registry.ts';
import { loadEngine } from '../engines/load.ts';
import { firstExamples, fixtureFile, loadFixture } from '../fixtures/peers.ts';
import type { PeerFixture, PeerName } from '../fixtures/peers.ts';
import { findOrderingProblems, findTableProblems } from './orderings.ts';
import type { JudgedResult, TableNumber } from './orderings.ts';
import { pieceOf, targetResultOf } from './results.ts';

/** Each fixture with a source of x' for it, of the same architecture or of another one. */
const FIXTURES = [
  { target: 'small-nat', source: 'small-adv', threat: 'gray-box', examples: 20, epsilons: [0.05, 0.1, 0.15] },
  { target: 'small-adv', source: 'small-nat', threat: 'gray-box', examples: 20, epsilons: [0.1, 0.2, 0.3] },
  { target: 'adv', source: 'small-nat', threat: 'black-box', examples: 8, epsilons: [0.2, 0.3] },
] as const satisfies readonly {
  target: PeerName;
  source: PeerName;
  threat: Threat;
  examples: number;
  epsilons: readonly number[];
}[];

const ATTACKS: readonly AttackSpec[] = [
  { name: 'noise', settings: { trials: 3 } },
  { name: 'fgsm', settings: {} },
  { name: 'pgd', settings: { steps: 5 } },
  { name: 'pgd', settings: { steps: 20, restarts: 2 } },
  { name: 'apgd', settings: { steps: 12, restarts: 2 } },
  { name: 'square', settings: { queries: 100 } },
];
const TRANSFERRED: AttackSpec = { name: 'pgd', settings: { steps: 20, restarts: 2 } };

const loaded: PeerFixture[] = [];
const open = async (name: PeerName): Promise<PeerFixture> => {
  const fixture = await loadFixture(name);
  loaded.push(fixture);
  return fixture;
};
beforeAll(() => loadEngine('wasm', { enginePack: null, deterministic: true }));
afterAll(() => loaded.forEach((fixture) => fixture.dispose()));

describe.each(FIXTURES)(
  'orderings on $target',
  { timeout: 240_000 },
  ({ target, source, threat, examples: count, epsilons }) => {
    it('that hold by construction hold; those that should hold are told of where they do not', async (ctx) => {
      if (fixtureFile(target) === null) return ctx.skip(`fixture-${target}.npz is not here: set PAIRLIGHT_FIXTURES`);
      const [model, other] = [await open(target), await open(source)];
      const examples = firstExamples(model.examples, count);
      const judged: JudgedResult[] = [];
      const enter = (attack: AttackSpec, outcome: Outcome, way: Threat): void => {
        const { plan } = resolveAttack(attack);
        const piece = pieceOf(outcome, examples, plan, 0, new Map());
        judged.push({
          result: targetResultOf(target, way, [piece], plan, true),
          attack,
          source: way === 'white-box' ? null : source,
          goal: 'untargeted',
          stands: new Map(piece.records.map(({ index, broken }) => [index, !broken])),
        });
      };
      for (const epsilon of epsilons) {
        const at = ({ name, settings }: AttackSpec): AttackSpec => ({ name, settings: { ...settings, epsilon } });
        for (const attack of ATTACKS.map(at)) {
          enter(attack, await attackWhiteBox(model, attackOptions(examples, resolveAttack(attack).plan)), 'white-box');
        }
        const moved = at(TRANSFERRED);
        const [outcome] = await attackTransfer(other, [model], attackOptions(examples, resolveAttack(moved).plan));
        enter(moved, outcome!, threat);
      }
      const findings = findOrderingProblems(judged);
      for (const { text } of findings.filter(({ severity }) => severity === 'warning'))
        await ctx.annotate(text, 'warning');
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);

      // As a table shows them: what breaks an example counts at every larger ε too.
      const broken = (one: JudgedResult, index: number): boolean => one.stands.get(index) === false;
      const familyOf = ({ attack: { name, settings }, result }: JudgedResult): string =>
        JSON.stringify([name, { ...settings, epsilon: 0 }, result.threat]);
      const epsilonOf = ({ attack }: JudgedResult): number => resolveAttack(attack).plan.epsilon;
      const share = (isBroken: (index: number) => boolean): number =>
        [...examples.indices].filter((index) => !isBroken(index)).length / count;
      const numbers = judged.map((one): TableNumber => {
        const up = judged.filter((less) => familyOf(less) === familyOf(one) && epsilonOf(less) <= epsilonOf(one));
        return {
          model: target,
          title: `${resolveAttack(one.attack).label} ${one.result.threat}`,
          epsilon: epsilonOf(one),
          families: [familyOf(one)],
          robustAccuracy: share((index) => up.some((less) => broken(less, index))),
          counted: true,
        };
      });
      const worst = share((index) => judged.some((one) => broken(one, index)));
      expect(findTableProblems(numbers, { [target]: worst })).toEqual([]);
      // The attacks are of different strength, or there is nothing to be ordered.
      expect(new Set(numbers.map(({ robustAccuracy }) => robustAccuracy)).size).toBeGreaterThan(3);
      return undefined;
    });
  },
);
