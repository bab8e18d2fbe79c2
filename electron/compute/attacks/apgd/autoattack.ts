import { z } from 'zod';
import { apgd, TARGETS } from './apgd.ts';
import { ballEpsilonSetting, defineAttack, inBall, normSetting } from '../attack.ts';
import type { AnyAttack } from '../attack.ts';
import { AUTOATTACK_FAMILY, startsOf } from './autoattack-method.ts';
import type { AutoAttackPlan, Part } from './autoattack-method.ts';
import type { Ball } from '../base/budget.ts';
import { fab } from '../minimal/fab.ts';
import { square } from '../square/square.ts';

/** Starts of APGD-CE in `standard`: more in L1, where a single one is less reliable. */
const CE_STARTS: Readonly<Record<Ball['norm'], number>> = { linf: 1, l2: 1, l1: 5 };
/** Target classes of FAB-T, in every norm. */
const FAB_TARGETS = 9;
/** Passes for each gradient of `rand`. */
const RANDOM_SAMPLES = 20;

/** The ensemble of attacks that robustness numbers are compared by. */
export const autoattack = defineAttack({
  name: 'autoattack',
  label: 'AutoAttack',
  summary:
    'The ensemble by which robustness is compared: APGD-CE, targeted APGD-DLR, FAB-T and Square one after the other, each on the examples that are left. ' +
    'Nothing to choose but norm and ε.',
  source: 'Croce & Hein 2020, arXiv 2003.01690; in L1 Croce & Hein 2021, arXiv 2103.01208',
  help: `AutoAttack is a fixed ensemble: four attacks one after the other, the cheapest first, each only on the examples that the ones before it left. An example is robust if all of them fail. It has nothing to tune, so numbers of different papers can be compared by it.

The standard version runs APGD on the cross-entropy, targeted APGD on the DLR loss towards the 9 likeliest wrong classes (5 in L1), FAB-T towards 9, and Square with 5,000 queries, its squares shrinking as they would over 10,000. In L1 APGD-CE starts five times. Models of fewer classes get fewer targets, with a note that says so. Of each broken example the start that broke it is kept, and the accuracy after every start: those are its parts, in the order that a note lists.

Use it for the number that you publish. It is no proof: a defence that was made against it, or one that is random, may need an attack of its own. For models that are random themselves take the version rand: APGD on both losses with 20 passes for each gradient.

It leads to any wrong class; for a goal of one class take APGD with a targeted loss, or PGD.`,
  schema: inBall(
    z.strictObject({
      norm: normSetting('linf', 'l2', 'l1'),
      epsilon: ballEpsilonSetting,
      version: z.enum(['standard', 'rand']).default('standard').meta({
        label: 'Version',
        help: 'standard: for models that give the same answer each time. rand: for models that are random themselves; APGD-CE and APGD-DLR with 20 passes for each gradient.',
      }),
    }),
  ),
  plan: ({ norm, epsilon, version }): AutoAttackPlan => {
    const parts = version === 'standard' ? standardParts({ norm, epsilon }) : randomParts({ norm, epsilon });
    return { family: AUTOATTACK_FAMILY, norm, epsilon, version, parts, restarts: startsOf(parts) };
  },
  describe: ({ version }) => `AutoAttack ${version}`,
  weakness: ({ version }) =>
    version === 'rand'
      ? 'Without a search that needs no gradients: for models that are not random themselves take the standard version.'
      : null,
  notes: (plan) => [`Its starts, in order: ${AUTOATTACK_FAMILY.stages?.(plan).join('; ')}.`],
});

function standardParts(ball: Ball): readonly Part[] {
  return [
    partOf(apgd, { ...ball, loss: 'cross-entropy', restarts: CE_STARTS[ball.norm] }),
    partOf(apgd, { ...ball, loss: 'targeted-dlr', targets: TARGETS[ball.norm] }),
    partOf(fab, { ...ball, mode: 'targeted', targets: FAB_TARGETS, thorough: false }),
    partOf(square, { ...ball, queries: 5000, stretched: false }),
  ];
}

function randomParts(ball: Ball): readonly Part[] {
  return (['cross-entropy', 'dlr'] as const).map((loss) => partOf(apgd, { ...ball, loss, samples: RANDOM_SAMPLES }));
}

function partOf(attack: AnyAttack, settings: Readonly<Record<string, unknown>>): Part {
  const { plan, title } = attack.resolve(settings);
  return { plan, title };
}
