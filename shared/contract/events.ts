import { z } from 'zod';
import { checkItem } from '../domain/check.ts';
import { DATASET_TASKS } from '../domain/dataset-view.ts';
import { engineReport } from '../domain/engine.ts';
import { entityId } from '../domain/ids.ts';
import { jobRow, librarySnapshot } from '../domain/library.ts';
import { targetResult } from '../domain/evaluation.ts';
import { errorData } from '../domain/job.ts';
import { moduleOverview } from '../domain/module.ts';
import { trainPoint } from '../domain/train-point.ts';

const one = z.object({ id: entityId });

/** Everything that main tells the window unasked. Streams of a job are coalesced to at most 20 a second. */
export const EVENTS = {
  /** Something in the library changed; the new whole of it. */
  'library.changed': librarySnapshot,
  'job.changed': jobRow,
  'run.points': z.object({ id: entityId, points: z.array(trainPoint) }),
  'evaluation.partial': z.object({ id: entityId, targets: z.array(targetResult) }),
  'check.partial': z.object({ id: entityId, items: z.array(checkItem) }),
  /** Who drives a sweep, or what came of it, is not what it was. */
  'sweep.changed': one,
  /** How far a data set's statistics, check, edit, export or search for originals is. */
  'dataset.task': z.object({
    id: entityId,
    task: z.enum(DATASET_TASKS),
    done: z.number(),
    total: z.number(),
    unit: z.string(),
    message: z.string(),
  }),
  /** How far the look at a path is; `done` and `total` in `unit`s. */
  'dataset.preview': z.object({
    token: z.string(),
    done: z.number(),
    total: z.number(),
    unit: z.string(),
    message: z.string(),
  }),
  'engine.install': z.object({ stage: z.string(), fraction: z.number().nullable(), message: z.string() }),
  'engine.tested': engineReport,
  /** Files of the modules folder came, changed or went; the catalogue has what they add now. */
  'modules.changed': moduleOverview,
  /** A menu item or shortcut that the renderer's command registry carries out. */
  'app.command': z.object({ command: z.string() }),
  /** Something went wrong outside any call: a job died, the library's disk is full. */
  'app.notice': z.object({ severity: z.enum(['info', 'warning', 'error']), error: errorData }),
} as const;

export type EventName = keyof typeof EVENTS;
export type EventPayload<N extends EventName> = z.output<(typeof EVENTS)[N]>;
