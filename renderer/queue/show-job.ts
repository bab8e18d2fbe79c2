import type { JobRow } from '../../shared/domain/library.ts';
import { useFocus } from '../stores/focus.ts';
import { useNavigation } from '../stores/navigation.ts';

/** Goes to what a job makes: a job has the id of its data set, run, evaluation or gallery. */
export function showJob(job: JobRow): void {
  const focus = useFocus();
  const navigation = useNavigation();
  switch (job.kind) {
    case 'import':
      focus.dataset = job.id;
      return navigation.open('datasets');
    case 'predict':
    case 'dataset-task':
      return navigation.open('datasets');
    case 'train':
      focus.runs = [job.id];
      return navigation.open('training');
    case 'evaluate':
    case 'trajectory':
      focus.evaluation = job.id;
      return navigation.open('evaluation');
    case 'check':
      focus.check = job.id;
      return navigation.open('check');
    case 'attention':
      focus.gallery = job.id;
      return navigation.open('attention');
    case 'preview-import':
    case 'probe-model':
    case 'describe-module':
      return navigation.open('training');
    case 'engine-test':
      return navigation.open('engines');
  }
}
