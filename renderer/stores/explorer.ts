import { defineStore } from 'pinia';
import { ref, shallowRef } from 'vue';
import type { ExampleQuery } from '../../shared/domain/evaluation.ts';
import { useFocus } from './focus.ts';

/** Which of the examples behind a number are listed. */
export type ExampleFilter = Pick<ExampleQuery, 'show' | 'label' | 'before' | 'after'>;

/** The number whose examples are explored; any table that shows numbers can lead to them. */
export const useExplorer = defineStore('explorer', () => {
  const focus = useFocus();
  const model = ref<string | null>(null);
  const filter = shallowRef<ExampleFilter>({ show: 'all' });

  function open(evaluation: string, ofModel: string, only: ExampleFilter = { show: 'all' }): void {
    focus.evaluation = evaluation;
    model.value = ofModel;
    filter.value = only;
  }

  return { model, filter, open };
});
