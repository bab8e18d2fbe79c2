import { defineStore } from 'pinia';
import { persisted, isText } from './persisted.ts';

/** Which view is shown, remembered over restarts. */
export const useNavigation = defineStore('navigation', () => {
  const view = persisted('view', 'datasets', isText);

  function open(id: string): void {
    view.value = id;
  }

  return { view, open };
});
