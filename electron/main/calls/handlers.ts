import { appCalls } from './app.ts';
import type { CallContext } from './context.ts';
import { datasetCalls } from './datasets.ts';
import type { Handlers } from './dispatch.ts';
import { engineCalls } from './engines.ts';
import { exportCalls } from './exports.ts';
import { importCalls } from './import.ts';
import { libraryCalls } from './library.ts';
import { sweepCalls } from './sweeps.ts';
import { workCalls } from './work.ts';

/** Every call of the contract, as this application carries it out. */
export function handlers(context: CallContext): Handlers {
  return {
    ...appCalls(context),
    ...libraryCalls(context),
    ...importCalls(context),
    ...datasetCalls(context),
    ...workCalls(context),
    ...sweepCalls(context),
    ...engineCalls(context),
    ...exportCalls(context),
  };
}
