import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import type { EventPayload } from '../../shared/contract/events.ts';
import type {
  EngineChoice,
  EngineName,
  EnginePackState,
  EngineReport,
  PackVariant,
} from '../../shared/domain/engine.ts';
import { toAppError, type AppError } from '../../shared/domain/errors.ts';
import { t } from '../i18n/index.ts';
import { call, listen } from './connection.ts';
import { useToasts } from './toasts.ts';

export interface PackWork {
  readonly kind: 'install' | 'verify' | 'remove' | 'export';
  readonly variant: PackVariant | null;
}

/** The engines as last seen, and the engine packs with whatever is being done to them. */
export const useEngines = defineStore('engines', () => {
  const engines = shallowRef<readonly EngineReport[]>([]);
  const packs = shallowRef<readonly EnginePackState[]>([]);
  const chosen = ref<EngineChoice>('auto');
  const error = shallowRef<AppError | null>(null);
  const testing = ref<readonly EngineName[]>([]);
  /** One thing at a time is done to a pack; `variant` is null while a file is installed that has not said what it holds. */
  const packWork = shallowRef<PackWork | null>(null);
  const progress = shallowRef<EventPayload<'engine.install'> | null>(null);

  /** The engine that a job would take now: the chosen one, else the first that is available and did not fail. */
  const active = computed(() => {
    const usable = engines.value.filter((engine) => engine.available && engine.selfTest !== 'failed');
    return usable.find((engine) => engine.name === chosen.value) ?? usable[0] ?? null;
  });

  function keepReport(report: EngineReport): void {
    engines.value = engines.value.map((engine) => (engine.name === report.name ? report : engine));
  }

  async function load(): Promise<void> {
    try {
      const list = await call('engines.list');
      engines.value = list.engines;
      packs.value = list.packs;
      chosen.value = list.chosen;
      error.value = null;
    } catch (thrown) {
      error.value = toAppError(thrown);
    }
  }

  async function test(name: EngineName): Promise<void> {
    testing.value = [...testing.value, name];
    try {
      keepReport(await call('engines.test', { engine: name }));
    } catch (thrown) {
      useToasts().fail(thrown);
    } finally {
      testing.value = testing.value.filter((other) => other !== name);
    }
  }

  function keepPack(pack: EnginePackState): void {
    packs.value = packs.value.map((other) => (other.variant === pack.variant ? pack : other));
  }

  /** Does something to packs, one at a time; the list is read again afterwards. */
  async function work(what: PackWork, carryOut: () => Promise<EnginePackState | null>): Promise<void> {
    if (packWork.value) return;
    packWork.value = what;
    progress.value = null;
    try {
      const pack = await carryOut();
      await load();
      // Only this answer tells what a comparison of all checksums found.
      if (pack) keepPack(pack);
    } catch (thrown) {
      useToasts().fail(thrown);
    } finally {
      packWork.value = null;
      progress.value = null;
    }
  }

  const change = (kind: 'install' | 'verify' | 'remove', variant: PackVariant): Promise<void> =>
    work({ kind, variant }, () => call(`engines.${kind}`, { variant }));

  /** Installs the pack in a file; without a path the user is asked for one. */
  const installFile = (path?: string): Promise<void> =>
    work({ kind: 'install', variant: null }, () => call('engines.installFile', path === undefined ? {} : { path }));

  const exportPack = (variant: PackVariant): Promise<void> =>
    work({ kind: 'export', variant }, async () => {
      const file = await call('engines.export', { variant });
      if (file !== null) useToasts().show(t('engines.pack.exported', { file }), { tone: 'ok' });
      return null;
    });

  async function cancelInstall(): Promise<void> {
    await call('engines.cancelInstall').catch((thrown: unknown) => useToasts().fail(thrown));
  }

  /** Follows the engines' events until the returned function is called. */
  function follow(): () => void {
    const stops = [
      listen('engine.install', (payload) => {
        progress.value = payload;
      }),
      listen('engine.tested', keepReport),
    ];
    return () => stops.forEach((stop) => stop());
  }

  return {
    engines,
    packs,
    chosen,
    error,
    testing,
    packWork,
    progress,
    active,
    load,
    test,
    change,
    installFile,
    exportPack,
    cancelInstall,
    follow,
  };
});
