import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import type { EventPayload } from '../../shared/contract/events.ts';
import type { EngineChoice, EngineName, EnginePackState, EngineReport } from '../../shared/domain/engine.ts';
import { toAppError, type AppError } from '../../shared/domain/errors.ts';
import { call, listen } from './connection.ts';
import { useToasts } from './toasts.ts';

/** Both engines as last seen, and the engine pack with whatever is being done to it. */
export const useEngines = defineStore('engines', () => {
  const engines = shallowRef<readonly EngineReport[]>([]);
  const pack = shallowRef<EnginePackState | null>(null);
  const chosen = ref<EngineChoice>('auto');
  const error = shallowRef<AppError | null>(null);
  const testing = ref<readonly EngineName[]>([]);
  const packWork = ref<'install' | 'verify' | 'remove' | null>(null);
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
      pack.value = list.pack;
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

  async function work(kind: 'install' | 'verify' | 'remove'): Promise<void> {
    packWork.value = kind;
    progress.value = null;
    try {
      pack.value = await call(`engines.${kind}`);
      await load();
    } catch (thrown) {
      useToasts().fail(thrown);
    } finally {
      packWork.value = null;
      progress.value = null;
    }
  }

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

  return { engines, pack, chosen, error, testing, packWork, progress, active, load, test, work, cancelInstall, follow };
});
