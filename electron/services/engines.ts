import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { randomUUID } from 'node:crypto';
import { ENGINE_NAMES, engineReport } from '../../shared/domain/engine.ts';
import type { EngineName, EnginePackState, EngineReport } from '../../shared/domain/engine.ts';
import { AppError } from '../../shared/domain/errors.ts';
import { locateEnginePack } from './engine-pack/state.ts';
import { JobProcess } from './job-process.ts';
import type { JobLauncher } from './job-transport.ts';
import type { Library } from './library.ts';
import type { Session } from './session.ts';
import type { SlotRules } from './slots.ts';

/** `PAIRLIGHT_ENGINE=wasm` goes without the engine pack. */
const wasmForced = (): boolean => process.env['PAIRLIGHT_ENGINE'] === 'wasm';

/** Folder of the engine pack for job hosts, or null where there is none to use. */
export async function usablePack(): Promise<string | null> {
  const pack = await locateEnginePack();
  return pack.installed ? pack.folder : null;
}

/** How many jobs may compute at once on this machine, by the preferences. */
export async function slotRules(preferences: Library['preferences']): Promise<SlotRules> {
  const automatic: EngineName = !wasmForced() && (await usablePack()) !== null ? 'tensorflow' : 'wasm';
  return { automatic, wasm: preferences.get().parallelJobs ?? availableParallelism() };
}

export function engineService(
  session: Session,
  launcher: JobLauncher,
  preferences: Library['preferences'],
): Library['engines'] & { readonly dispose: () => void } {
  const { store, events } = session;
  const testing = new Set<JobProcess>();
  const key = (name: EngineName): string => `engine-report:${name}`;

  /** The report of the last test, if it is about the engine as it is now. */
  const reportOf = (name: EngineName, pack: EnginePackState): EngineReport => {
    const kept = engineReport.safeParse(store.preferences.get(key(name)));
    const available = name === 'wasm' || pack.installed;
    if (kept.success && available && kept.data.available) return kept.data;
    return {
      name,
      available,
      device: null,
      version: name === 'tensorflow' ? pack.version : null,
      gflops: null,
      gradientsPerSecond: null,
      selfTest: 'not run',
      selfTestError: null,
      reason: available ? null : (pack.reason ?? 'The engine pack is not installed.'),
    };
  };

  return {
    list: async () => {
      const pack = await locateEnginePack();
      return {
        engines: ENGINE_NAMES.map((name) => reportOf(name, pack)),
        pack,
        chosen: wasmForced() ? 'wasm' : preferences.get().engine,
      };
    },
    test: async (engine) => {
      const id = `test-${randomUUID().slice(0, 8)}`;
      const folder = store.folder.scratch(id);
      await mkdir(folder, { recursive: true });
      try {
        const report = await runTest(
          launcher,
          { kind: 'engine-test', id, folder, enginePack: await usablePack(), engine },
          testing,
        );
        store.preferences.set(key(report.name), report);
        events.emit('engine.tested', report);
        return report;
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    dispose: () => {
      for (const process of testing) process.kill();
    },
  };
}

function runTest(
  launcher: JobLauncher,
  spec: ConstructorParameters<typeof JobProcess>[1],
  testing: Set<JobProcess>,
): Promise<EngineReport> {
  return new Promise((resolve, reject) => {
    const process = new JobProcess(launcher, spec, {
      onNews: () => undefined,
      onEnd: (end) => {
        testing.delete(process);
        if (end.type !== 'done') reject(AppError.fromData(end.error));
        else if (end.result.kind === 'engine-test') resolve(end.result.report);
        else reject(new AppError('internal', `An engine test gave a result of the kind ${end.result.kind}.`));
      },
    });
    testing.add(process);
  });
}
