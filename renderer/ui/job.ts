import type { JobRow } from '../../shared/domain/library.ts';
import { t } from '../i18n/index.ts';
import { formatCount, formatDuration } from './format.ts';

/** Done share 0…1 of a job; null while its amount of work is unknown. */
export function jobFraction(job: JobRow): number | null {
  const progress = job.progress;
  return progress && progress.total > 0 ? progress.done / progress.total : null;
}

/** Where a job is, in one line: `epoch 2 of 6, 1.5 min left`. */
export function jobLine(job: JobRow): string {
  const progress = job.progress;
  if (!progress) return t(`ui.state.${job.state}`);
  const place = progress.message || `${formatCount(progress.done)} / ${formatCount(progress.total)} ${progress.unit}`;
  if (job.state === 'paused') return `${t('ui.state.paused')}, ${place}`;
  return progress.secondsLeft === null
    ? place
    : `${place}, ${t('ui.left', { time: formatDuration(progress.secondsLeft) })}`;
}
