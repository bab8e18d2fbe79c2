import type { JobRow, RunRow } from '../../shared/domain/library.ts';
import { t } from '../i18n/index.ts';

/**
 * What taking up a job that ended is called; null if there is nothing to take up.
 * @param run what a training makes; a training goes on from a checkpoint, an import from its journal, everything else begins anew.
 */
export function runAgainLabel(
  job: Pick<JobRow, 'kind' | 'state'> & Partial<Pick<JobRow, 'error'>>,
  run?: Pick<RunRow, 'checkpointStep'>,
): string | null {
  if (job.state !== 'interrupted' && job.state !== 'failed' && job.state !== 'cancelled') return null;
  const canTryAgain = job.state === 'interrupted' || job.error?.retry === true;
  if (job.kind === 'import' && job.state !== 'cancelled' && canTryAgain) return t('queue.goOn');
  const goesOn = job.kind === 'train' && (run?.checkpointStep ?? null) !== null;
  return t(goesOn ? 'queue.resume' : 'queue.runAgain');
}
