import { defineStore } from 'pinia';
import { ref, shallowRef } from 'vue';
import type { SweepRequest } from '../../shared/domain/sweep.ts';
import type { TrainConfig } from '../../shared/domain/training.ts';

/** What a new sweep starts from: a YAML text, a request, or nothing. */
export type SweepDraft =
  | { readonly from: 'text'; readonly text: string }
  | { readonly from: 'request'; readonly request: SweepRequest }
  | { readonly from: 'nothing' };

/** Something on disk that becomes one data set: a folder, an archive or a file, or some files of one folder. */
export interface ImportSource {
  readonly path: string;
  /** Names within the folder `path` that alone are meant. */
  readonly only?: readonly string[];
}

/** What an import of data sets starts from: nothing yet, what was dropped or chosen, or the plan of a data set. */
export type ImportStart =
  | { readonly from: 'nothing' }
  | { readonly from: 'sources'; readonly sources: readonly ImportSource[] }
  | { readonly from: 'dataset'; readonly id: string };

/** Dialogs that any view, the menu or the palette can open. Each lives in the view that owns its subject. */
export const useDialogs = defineStore('dialogs', () => {
  /** Import of data sets: null closed. A new start while it is open adds to what is there. */
  const importData = shallowRef<ImportStart | null>(null);
  /** New training run: null closed, otherwise the settings to start from, which may be none. */
  const newRun = shallowRef<Partial<TrainConfig> | null>(null);
  const importModel = ref(false);
  /** File that the import of a model is about; empty: none yet. */
  const importModelPath = ref('');
  /** New sweep: null closed. */
  const newSweep = shallowRef<SweepDraft | null>(null);
  const newEvaluation = ref(false);
  const newGallery = ref(false);
  /** Positions that the next gallery is of; none: the dialog asks. */
  const galleryImages = shallowRef<readonly number[]>([]);
  const palette = ref(false);
  const shortcuts = ref(false);
  /** Entity that is being renamed. */
  const rename = shallowRef<{ readonly id: string; readonly name: string } | null>(null);

  return {
    importData,
    newRun,
    importModel,
    importModelPath,
    newSweep,
    newEvaluation,
    newGallery,
    galleryImages,
    palette,
    shortcuts,
    rename,
  };
});
