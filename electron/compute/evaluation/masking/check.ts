import type { CheckItem, CheckResult } from '../../../../shared/domain/check.ts';
import type { Control } from '../../jobs/control.ts';
import { wilsonInterval } from '../../statistics/wilson.ts';
import { gradientFree } from './gradient-free.ts';
import { gradients } from './gradients.ts';
import { judge, unknown } from './item.ts';
import type { MaskingItem } from './item.ts';
import { iterations } from './iterations.ts';
import { largeEpsilon } from './large-epsilon.ts';
import { noise } from './noise.ts';
import { oneStep } from './one-step.ts';
import { overallVerdict, summarise, summariseForwardOnly } from './overall.ts';
import { createProbe, squareAt } from './probe.ts';
import type { Probe, ProbeInput } from './probe.ts';
import type { CheckRecord } from './record.ts';
import { repeatable } from './repeatable.ts';
import { restarts } from './restarts.ts';
import { stepSize } from './step-size.ts';
import { surface } from './surface.ts';
import { FEWEST_EXAMPLES } from './thresholds.ts';
import { worstCase } from './worst-case.ts';

/** Every part, in the order of reports. */
export const MASKING_ITEMS: readonly MaskingItem[] = [
  iterations,
  restarts,
  largeEpsilon,
  gradientFree,
  oneStep,
  noise,
  gradients,
  surface,
  stepSize,
  repeatable,
  worstCase,
];

export interface CheckInput extends Omit<ProbeInput, 'onWork' | 'control' | 'record'> {
  readonly control: Pick<Control, 'checkpoint' | 'progress'>;
  /** What earlier processes have done of it, and what this one does. */
  readonly record: CheckRecord;
  /** Called at the beginning and after every part with those that are done. */
  readonly onPartial: (items: readonly CheckItem[]) => void;
}

export type CheckOutcome = Pick<
  CheckResult,
  | 'verdict'
  | 'summary'
  | 'items'
  | 'examples'
  | 'indices'
  | 'cleanAccuracy'
  | 'worstAccuracy'
  | 'worstInterval'
  | 'seconds'
>;

/**
 * The gradient-masking check of one model (Carlini et al. 2019, arXiv 1902.06705; Athalye et al. 2018, arXiv 1802.00420;
 * Pintor et al. 2022, arXiv 2106.09947): it sees weights, images and labels, never how the model was trained. With a
 * record of an earlier process it goes on from there, and ends at the same report.
 * @throws AppError `cancelled`.
 */
export async function checkMasking(input: CheckInput): Promise<CheckOutcome> {
  const { control, examples, record, onPartial } = input;
  const all = MASKING_ITEMS.reduce((sum, { weight }) => sum + weight, 0);
  let before = 0;
  let current: MaskingItem | null = null;
  const tell = (share: number): void =>
    control.progress({
      done: before + (current?.weight ?? 0) * Math.min(0.99, share),
      total: all,
      unit: '%',
      message: current?.title ?? 'Clean images',
    });
  const probe = await createProbe({ ...input, onWork: tell });
  try {
    onPartial(record.items);
    for (const item of MASKING_ITEMS) {
      if (!record.items.some((done) => done.item === item.item)) {
        current = item;
        tell(0);
        await record.finish(await runItem(item, probe));
        onPartial(record.items);
      }
      before += item.weight;
    }
    const { items } = record;
    const seconds = record.seconds();
    await record.clear();
    control.progress({ done: all, total: all, unit: '%', message: 'Done' });
    const count = examples.labels.length;
    const standing = probe.unbroken.size;
    const verdict = overallVerdict(items);
    return {
      verdict,
      summary: probe.subject.predictor
        ? summariseForwardOnly(verdict, standing / count)
        : summarise(verdict, items, standing),
      items: [...items],
      examples: count,
      indices: Array.from(examples.indices),
      cleanAccuracy: probe.right.length / count,
      worstAccuracy: standing / count,
      worstInterval: [...wilsonInterval(standing, count)],
      seconds,
    };
  } finally {
    probe.dispose();
  }
}

async function runItem(item: MaskingItem, probe: Probe): Promise<CheckItem> {
  const { right, examples, subject, epsilon } = probe;
  if (right.length < FEWEST_EXAMPLES) {
    return unknown(item, {
      finding: `Only ${right.length} of the ${examples.labels.length} images are classified rightly: too few to tell.`,
      next: 'Check more images, or a model that classifies them.',
    });
  }
  if (item.gradients && subject.predictor) {
    return unknown(item, {
      finding: 'Of this model there is a forward pass alone: it has no gradients to look at.',
      next: 'Attack it with Square, and with examples of other models; or import its weights into one of the architectures here.',
      attack: squareAt(epsilon),
    });
  }
  return judge(item, await item.run(probe));
}
