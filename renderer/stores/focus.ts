import { defineStore } from 'pinia';
import { isTextList, isTextOrNull, persisted } from './persisted.ts';

/** What is selected in each view, remembered over restarts; ids that are gone count as no selection. */
export const useFocus = defineStore('focus', () => {
  const dataset = persisted('dataset', null, isTextOrNull);
  const runs = persisted<readonly string[]>('runs', [], isTextList);
  const evaluation = persisted('evaluation', null, isTextOrNull);
  const plan = persisted('plan', null, isTextOrNull);
  const gallery = persisted('gallery', null, isTextOrNull);
  const check = persisted('check', null, isTextOrNull);
  const sweep = persisted('sweep', null, isTextOrNull);

  return { dataset, runs, evaluation, plan, gallery, check, sweep };
});
