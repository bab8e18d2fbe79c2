import { app } from './en/app.ts';
import { architecture } from './en/architecture.ts';
import { attention } from './en/attention.ts';
import { browse } from './en/browse.ts';
import { check } from './en/check.ts';
import { compare } from './en/compare.ts';
import { datasetImport } from './en/dataset-import.ts';
import { datasets } from './en/datasets.ts';
import { engines } from './en/engines.ts';
import { evaluation } from './en/evaluation.ts';
import { modules } from './en/modules.ts';
import { queue } from './en/queue.ts';
import { settings } from './en/settings.ts';
import { sweeps } from './en/sweeps.ts';
import { training } from './en/training.ts';
import { ui } from './en/ui.ts';

/** The one catalogue of English texts, a file for each part of the window. */
export const en = {
  app,
  architecture,
  attention,
  browse,
  check,
  compare,
  datasetImport,
  datasets,
  engines,
  evaluation,
  modules,
  queue,
  settings,
  sweeps,
  training,
  ui,
} as const;
