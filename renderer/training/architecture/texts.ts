import type { InitialReport, TrainingEstimate } from '../../../shared/domain/architecture.ts';
import type { TrainConfig } from '../../../shared/domain/training.ts';
import { t } from '../../i18n/index.ts';
import { formatBytes, formatDuration, formatSignificant } from '../../ui/format.ts';

/** Names shown of a list before the rest is counted. */
const NAMED = 4;

/** What a step costs, and where the speed is from. */
export function estimateLines(estimate: TrainingEstimate): readonly string[] {
  const { seconds, basis, rate } = estimate;
  const memory = formatBytes(estimate.memory);
  if (seconds === null) return [t('architecture.estimate.unknown', { memory })];
  const time = seconds < 1 ? `${formatSignificant(seconds * 1000, 2)} ms` : formatDuration(seconds);
  const measured = { name: estimate.measured ?? '', rate: formatSignificant(rate, 2) };
  const from = {
    same: t('architecture.estimate.same', measured),
    other: t('architecture.estimate.other', measured),
    'speed-test': t('architecture.estimate.speedTest', measured),
    unknown: '',
  }[basis];
  return [t('architecture.estimate.step', { time, memory }), from];
}

/** What became of the arrays that a training would start from. */
export function reportLines({ source, taken, fresh, unused, newHead }: InitialReport): readonly string[] {
  return [
    t('architecture.taken', { n: taken.length, source }),
    ...(newHead ? [t('architecture.newHead')] : []),
    ...(fresh.length > 0 ? [t('architecture.newArrays', { names: shortened(fresh) })] : []),
    ...(unused.length > 0 ? [t('architecture.unused', { names: shortened(unused) })] : []),
  ];
}

/** What a run or a model says of its network beyond the architecture's name. */
export function networkParts({
  architectureSettings = {},
  initial,
  freeze = [],
}: Pick<Partial<TrainConfig>, 'architectureSettings' | 'initial' | 'freeze'>): readonly string[] {
  const settings = Object.entries(architectureSettings).map(
    ([key, value]) => `${key} ${Array.isArray(value) ? value.join(' ') : String(value)}`,
  );
  return [
    ...settings,
    ...(initial ? [t('architecture.given')] : []),
    ...(freeze.length > 0 ? [t('architecture.kept', { names: freeze.join(' ') })] : []),
  ];
}

function shortened(names: readonly string[]): string {
  const list = names.slice(0, NAMED).join(', ');
  return names.length > NAMED ? t('architecture.more', { names: list, n: names.length - NAMED }) : list;
}
