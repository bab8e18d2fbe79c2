import type { AttackSpec } from '../../../../shared/domain/evaluation.ts';
import { SQUARE_QUERIES } from './budget.ts';
import { figure, percentText, pointsText } from './item.ts';
import type { Finding, MaskingItem } from './item.ts';
import { squareAt } from './probe.ts';
import type { Probe } from './probe.ts';
import type { Attempt } from './record.ts';
import { THRESHOLDS } from './thresholds.ts';

/** Attacks that need no gradient of the model must not break what strong gradient attacks left. */
export const gradientFree: MaskingItem = {
  item: 'gradient-free',
  title: 'Gradient-free and transfer attacks',
  gradients: false,
  weight: 26,
  async run(probe) {
    const { accuracy, epsilon, budget, sources, subject } = probe;
    const { standing: left, names } = subject.predictor
      ? { standing: probe.right, names: null }
      : await whiteBox(probe);
    const attempts: { readonly label: string; readonly run: Attempt }[] = [];
    const square: AttackSpec = { name: 'square', settings: { epsilon, queries: budget.squareQueries } };
    attempts.push({ label: `Square, ${budget.squareQueries} queries`, run: await probe.attack(square, left) });
    for (const source of sources) {
      const spec: AttackSpec = { name: 'pgd', settings: { epsilon, steps: budget.transferIterations } };
      attempts.push({ label: `Transfer from ${source.name}`, run: await probe.transfer(source, spec, left) });
    }
    const broken = new Set(attempts.flatMap(({ run }) => [...run.brokenAt.keys()]));
    const points = 100 * accuracy(broken.size);
    const bad = points > THRESHOLDS.gradientFree.amber;
    const each = attempts.map(({ label, run }) => `${label}: ${pointsText(100 * accuracy(run.brokenAt.size))}`);
    if (names === null) return forwardOnly(probe, each, accuracy(left.length - broken.size));
    const what = sources.length > 0 ? 'Square or transfer breaks' : 'Square breaks';
    const suite = `${names} leave ${percentText(accuracy(left.length))}`;
    return {
      figures: [
        figure(
          `${sources.length > 0 ? 'Square and transfer break' : 'Square breaks'} what ${names} left`,
          points,
          'points',
          THRESHOLDS.gradientFree,
        ),
      ],
      finding: bad
        ? `${suite}; without any gradient ${what} ${pointsText(points)} of that (${each.join('; ')}). The gradients hide something.`
        : `${suite}; ${each.join('; ')} beyond that.`,
      next: bad
        ? 'Trust no gradient attack alone on this model: report the worst case over Square and transfer too.'
        : sources.length === 0
          ? NAME_SOURCES
          : null,
      attack: bad ? squareAt(epsilon) : null,
    };
  },
};

const NAME_SOURCES = 'Name undefended models as sources, so that transfer is checked too.';

/** Without gradients there is nothing to compare with: what blind and borrowed attacks leave is told, and not judged. */
function forwardOnly({ sources, epsilon }: Probe, each: readonly string[], left: number): Finding {
  return {
    figures: [figure('Broken beyond attacks with gradients', null, 'points', THRESHOLDS.gradientFree)],
    finding: `Of this model there is a forward pass alone, so there is no attack with gradients to compare with. ${each.join('; ')}; ${percentText(left)} are left.`,
    next: `Attack it with more queries, and with HopSkipJump.${sources.length === 0 ? ` ${NAME_SOURCES}` : ''}`,
    attack: { name: 'square', settings: { epsilon, queries: 4 * SQUARE_QUERIES } },
  };
}

/** APGD with the cross-entropy, then towards one wrong class after the other, on what is left. */
async function whiteBox({ attack, epsilon, budget, classes }: Probe): Promise<{
  readonly standing: readonly number[];
  readonly names: string;
}> {
  const steps = budget.apgdIterations;
  const entropy = await attack({ name: 'apgd', settings: { epsilon, steps, loss: 'cross-entropy' } });
  // The difference of logits ratio needs a third class.
  if (classes < 3) return { standing: entropy.standing, names: 'APGD-CE' };
  const settings = { epsilon, steps, loss: 'targeted-dlr', targets: budget.apgdTargets };
  return {
    standing: (await attack({ name: 'apgd', settings }, entropy.standing)).standing,
    names: 'APGD-CE and APGD-T',
  };
}
