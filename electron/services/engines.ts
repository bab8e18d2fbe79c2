import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { ENGINE_NAMES, engineReport } from '../../shared/domain/engine.ts';
import type { EngineChoice, EngineName, EnginePackState, EngineReport } from '../../shared/domain/engine.ts';
import { AppError } from '../../shared/domain/errors.ts';
import type { Store } from '../store/store.ts';
import { locateEnginePacks, packToUse } from './engine-pack/choose.ts';
import { JobProcess } from './job-process.ts';
import type { PackForJobs } from './job-specs.ts';
import type { JobLauncher } from './job-transport.ts';
import type { Library } from './library.ts';
import { isKnownUsable, packName, rememberTest } from './pack-verdict.ts';
import type { Session } from './session.ts';
import type { SlotRules } from './slots.ts';

/** `PAIRLIGHT_ENGINE` decides for `auto`, before any preference. */
const forced = (): EngineName | null => ENGINE_NAMES.find((name) => name === process.env['PAIRLIGHT_ENGINE']) ?? null;

/** The engine for a new job: what was asked for, and in place of `auto` the preference, if there is one. */
export function engineForJob(asked: EngineChoice, preferred: EngineChoice): EngineChoice {
  return asked === 'auto' && forced() === null ? preferred : asked;
}

/** Folder of the engine pack that jobs use, or null where there is none to use. */
export async function usablePack(): Promise<string | null> {
  return (await packForJobs()).enginePack;
}

/** The engine pack for job hosts, or what is wrong with it. */
export async function packForJobs(): Promise<PackForJobs> {
  const { installed, folder, reason } = packToUse(await locateEnginePacks());
  return installed ? { enginePack: folder, enginePackFault: null } : { enginePack: null, enginePackFault: reason };
}

/**
 * How many jobs may compute at once on this machine, by the preferences. A stored job's `auto` is for its host to decide
 * (the preference has been put in its place when the job was made): tensorflow, unless its pack is known to fail.
 */
export async function slotRules(store: Store, preferences: Library['preferences']): Promise<SlotRules> {
  const pack = forced() === null ? await packName() : null;
  const automatic = forced() ?? (pack !== null && isKnownUsable(store, pack) ? 'tensorflow' : 'wasm');
  const { parallelJobs } = preferences.get();
  return {
    automatic,
    atOnce: { tensorflow: parallelJobs ?? 1, webgpu: 1, wasm: parallelJobs ?? 1 },
  };
}

/** Starting Dawn only to look for a card takes a moment, so that is left to a test. */
const UNTESTED = 'Not tested yet on this machine: a test finds out whether there is a graphics card.';

const keptReport = z.object({ pack: z.string().nullable(), report: engineReport });

export function engineService(
  session: Session,
  launcher: JobLauncher,
  preferences: Library['preferences'],
): Library['engines'] & { readonly dispose: () => void } {
  const { store, events } = session;
  const testing = new Set<JobProcess>();
  const key = (name: EngineName): string => `engine-report:${name}`;

  /** The report of the last test, if it is about the engine as it is now: this very pack. */
  const reportOf = (name: EngineName, pack: EnginePackState, called: string | null): EngineReport => {
    const kept = keptReport.safeParse(store.preferences.get(key(name)));
    const current = name !== 'tensorflow' || (pack.installed && kept.data?.pack === called);
    if (kept.success && current) return kept.data.report;
    const available = name === 'wasm' || (name === 'tensorflow' && pack.installed);
    return {
      name,
      available,
      device: null,
      version: name === 'tensorflow' ? pack.version : null,
      gflops: null,
      gradientsPerSecond: null,
      selfTest: 'not run',
      selfTestError: null,
      reason: available ? null : name === 'webgpu' ? UNTESTED : (pack.reason ?? 'The engine pack is not installed.'),
    };
  };

  return {
    list: async () => {
      const [packs, called] = await Promise.all([locateEnginePacks(), packName()]);
      const pack = packToUse(packs);
      return {
        engines: ENGINE_NAMES.map((name) => reportOf(name, pack, called)),
        packs: [...packs],
        chosen: forced() ?? preferences.get().engine,
      };
    },
    test: async (engine) => {
      const id = `test-${randomUUID().slice(0, 8)}`;
      const folder = store.folder.scratch(id);
      const pack = await packName();
      await mkdir(folder, { recursive: true });
      try {
        const report = await runTest(
          launcher,
          { kind: 'engine-test', id, folder, ...(await packForJobs()), threads: availableParallelism(), engine },
          testing,
        );
        store.preferences.set(key(report.name), { pack, report });
        if (pack !== null) rememberTest(store, pack, report);
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
