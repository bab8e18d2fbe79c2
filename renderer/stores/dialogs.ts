import { defineStore } from 'pinia';
import { ref, shallowRef } from 'vue';
import type { SweepRequest } from '../../shared/domain/sweep.ts';
import type { TrainConfig } from '../../shared/domain/training.ts';

/** What a new sweep starts from: a YAML text, a request, or nothing. */
export type SweepDraft =
  | { readonly from: 'text'; readonly text: string }
  | { readonly from: 'request'; readonly request: SweepRequest }
  | { readonly from: 'nothing' };

/** Dialogs that any view, the menu or the palette can open. Each lives in the view that owns its subject. */
export const useDialogs = defineStore('dialogs', () => {
  /** Import of a data set: null closed, otherwise the path to start with, which may be empty. */
  const importPath = ref<string | null>(null);
  /** New training run: null closed, otherwise the settings to start from, which may be none. */
  const newRun = shallowRef<Partial<TrainConfig> | null>(null);
  const importModel = ref(false);
  /** File that the import of a model is about; empty: none yet. */
  const importModelPath = ref('');
  /** New sweep: null closed. */
  const newSweep = shallowRef<SweepDraft | null>(null);
  const newEvaluation = ref(false);
  const newGallery = ref(false);
  const palette = ref(false);
  const shortcuts = ref(false);
  /** Entity that is being renamed. */
  const rename = shallowRef<{ readonly id: string; readonly name: string } | null>(null);

  return {
    importPath,
    newRun,
    importModel,
    importModelPath,
    newSweep,
    newEvaluation,
    newGallery,
    palette,
    shortcuts,
    rename,
  };
});
